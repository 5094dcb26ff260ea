//! A bounded place for values under secret names.

use std::collections::VecDeque;

use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::keys;

/// Values under secret names. Only digests of the names are kept, and all are compared in constant time.
pub struct Shelf<T> {
    items: VecDeque<Item<T>>,
    room: usize,
}

/// A value on a [`Shelf`].
pub struct Item<T> {
    digest: [u8; 32],
    /// When it is no longer good.
    pub until: u64,
    /// What is kept.
    pub value: T,
}

impl<T> Shelf<T> {
    /// An empty shelf; where it is full the oldest value makes room.
    pub fn new(room: usize) -> Self {
        Self { items: VecDeque::new(), room }
    }

    /// Keeps a value under a new name.
    pub fn put(&mut self, value: T, until: u64) -> String {
        if self.items.len() == self.room {
            self.items.pop_front();
        }
        let name = keys::random();
        self.items.push_back(Item { digest: digest(&name), until, value });
        name
    }

    /// The value of this name, old or not.
    pub fn find(&mut self, name: &str) -> Option<&mut Item<T>> {
        let index = self.index(name)?;
        self.items.get_mut(index)
    }

    /// The value of this name if it is still good.
    pub fn live(&mut self, name: &str, now: u64) -> Option<&mut T> {
        self.find(name).filter(|item| now < item.until).map(|item| &mut item.value)
    }

    /// Takes the value of this name out; `None` if it was too old.
    pub fn take(&mut self, name: &str, now: u64) -> Option<T> {
        self.remove(name).filter(|item| now < item.until).map(|item| item.value)
    }

    /// Takes the value of this name out, old or not.
    pub fn remove(&mut self, name: &str) -> Option<Item<T>> {
        self.items.remove(self.index(name)?)
    }

    /// All values that are still good.
    pub fn all(&mut self, now: u64) -> impl Iterator<Item = &mut T> {
        self.items.iter_mut().filter(move |item| now < item.until).map(|item| &mut item.value)
    }

    fn index(&self, name: &str) -> Option<usize> {
        let digest = digest(name);
        let (mut found, mut index) = (Choice::from(0), 0);
        for (i, item) in self.items.iter().enumerate() {
            let same = item.digest.ct_eq(&digest);
            index = u64::conditional_select(&index, &(i as u64), same);
            found |= same;
        }
        bool::from(found).then_some(index as usize)
    }
}

/// The digest under which a [`Shelf`] keeps a name.
pub fn digest(name: &str) -> [u8; 32] {
    Sha256::digest(name).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_value_makes_room() {
        let mut shelf = Shelf::new(2);
        let names = [1, 2, 3].map(|value| shelf.put(value, 10));
        assert_eq!(names.each_ref().map(|name| shelf.live(name, 0).copied()), [None, Some(2), Some(3)]);
        assert_eq!(shelf.items.len(), 2);
    }

    #[test]
    fn a_value_is_taken_once_and_in_time() {
        let mut shelf = Shelf::new(2);
        let names = [1, 2].map(|value| shelf.put(value, 10));
        assert_eq!((shelf.take(&names[0], 9), shelf.take(&names[0], 9)), (Some(1), None));
        assert_eq!(shelf.live(&names[1], 10), None);
        assert_eq!(shelf.take(&names[1], 10), None);
        assert_eq!(shelf.take("", 0), None);
    }
}
