//! RS256.
use super::{Algorithm, Key, Verifier};
use crate::error::Check;
/// x
#[derive(Clone, Copy, Debug)]
pub struct Es256;
impl Verifier for Es256 {
    fn algorithm(&self) -> Algorithm { Algorithm::Es256 }
    fn hash<'h>(&self, _: &[u8], out: &'h mut [u8; 64]) -> &'h [u8] { out }
    fn verify(&self, _: Key<'_>, _: &[u8], _: &[u8]) -> Result<(), Check> { Err(Check::BadSignature) }
}
