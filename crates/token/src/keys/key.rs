//! One key of a set.

use super::secret::SecretKey;
use crate::algorithm::AlgorithmSet;
use crate::signature::PublicKey;

pub(super) struct Key {
    pub(super) id: Option<String>,
    /// The only issuer whose tokens it verifies, where the set says so.
    pub(super) issuer: Option<Box<str>>,
    pub(super) algorithms: AlgorithmSet,
    pub(super) material: Material,
}

pub(super) enum Material {
    Public(PublicKey),
    Secret(Box<SecretKey>),
}

impl Key {
    pub(super) fn is_named(&self, key_id: Option<&str>) -> bool {
        match (&self.material, key_id) {
            (Material::Secret(_), _) | (Material::Public(_), None) => true,
            (Material::Public(_), Some(id)) => self.id.as_deref() == Some(id),
        }
    }
}
