//! What a developer may read of what happens: where requests go and what comes of them; no query, header or body.

/// One line, for `log` and for `defmt`, if their features are on.
macro_rules! event {
    ($($argument:tt)*) => {{
        // Whether anybody listens or not, it compiles.
        #[cfg(not(any(feature = "log", feature = "defmt")))]
        if false {
            let _ = format_args!($($argument)*);
        }
        #[cfg(feature = "log")]
        ::log::debug!($($argument)*);
        #[cfg(feature = "defmt")]
        ::defmt::debug!($($argument)*);
    }};
}

pub(crate) use event;
