//! An image layout as version 1.1 of OCI's image specification has it: blobs by their digests, and an index.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use doorward_host::manifest::Digest;
use doorward_host::sha256;
use serde_json::{Value, json};

use super::layer::Layer;
use super::sbom;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// The config of a manifest that is none of an image, and its content.
const EMPTY: (&str, &[u8]) = ("application/vnd.oci.empty.v1+json", b"{}");

/// What a runtime is told.
pub(super) struct Config {
    pub architecture: &'static str,
    pub created: String,
    pub user: String,
    pub port: u16,
    pub environment: Vec<String>,
    pub entrypoint: [&'static str; 4],
    pub labels: BTreeMap<String, String>,
}

/// A folder that is to become a layout.
pub(super) struct Layout {
    folder: PathBuf,
}

impl Layout {
    /// The folder, which is made.
    ///
    /// # Errors
    ///
    /// When there is something in it, or it cannot be made.
    pub(super) fn new(folder: &Path) -> Result<Self> {
        let cannot = || format!("cannot write to {}", folder.display());
        fs::create_dir_all(folder).with_context(cannot)?;
        if fs::read_dir(folder).with_context(cannot)?.next().is_some() {
            bail!(
                "{} is not empty\n  help: name a new folder, for blobs of another image would stay in this one",
                folder.display()
            );
        }
        let folder = folder.to_owned();
        Ok(Self { folder })
    }

    /// Writes the image, and what it is made of as an artefact that refers to it. Gives the digest of its manifest.
    ///
    /// # Errors
    ///
    /// When a file cannot be written.
    pub(super) fn write(
        &self,
        config: &Config,
        layers: &[Layer],
        bom: &str,
        tag: &str,
    ) -> Result<Digest> {
        fs::create_dir_all(self.folder.join("blobs/sha256"))
            .with_context(|| format!("cannot write to {}", self.folder.display()))?;
        let mut descriptors = Vec::new();
        for layer in layers {
            descriptors.push(self.blob(layer.packing.media_type(), &layer.packed)?.0);
        }
        let (config_of, _) = self.blob(CONFIG, &text(&config.json(layers)))?;
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config_of,
            "layers": descriptors,
        });
        let (image, digest) = self.blob(MANIFEST, &text(&manifest))?;

        let (empty, _) = self.blob(EMPTY.0, EMPTY.1)?;
        let (bom, _) = self.blob(sbom::MEDIA_TYPE, bom.as_bytes())?;
        let about = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": sbom::MEDIA_TYPE,
            "config": empty,
            "layers": [bom],
            "subject": image,
        });
        let (about, _) = self.blob(MANIFEST, &text(&about))?;

        let index = json!({
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": [
                with(image, json!({
                    "platform": { "architecture": config.architecture, "os": "linux" },
                    "annotations": { "org.opencontainers.image.ref.name": tag },
                })),
                with(about, json!({ "artifactType": sbom::MEDIA_TYPE })),
            ],
        });
        self.file(
            "oci-layout",
            &text(&json!({ "imageLayoutVersion": "1.0.0" })),
        )?;
        // Last: a layout without it is none.
        self.file("index.json", &text(&index))?;
        Ok(digest)
    }

    /// Writes a blob, and gives its descriptor.
    fn blob(&self, media_type: &str, bytes: &[u8]) -> Result<(Value, Digest)> {
        let digest = sha256::of(bytes)?;
        self.file(&format!("blobs/sha256/{}", digest.hex()), bytes)?;
        let descriptor = json!({
            "mediaType": media_type,
            "digest": digest.to_string(),
            "size": bytes.len(),
        });
        Ok((descriptor, digest))
    }

    fn file(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.folder.join(name);
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
    }
}

impl Config {
    fn json(&self, layers: &[Layer]) -> Value {
        let plain: Vec<_> = layers.iter().map(|layer| layer.plain.to_string()).collect();
        let history = json!({ "created": self.created, "created_by": "doorward image" });
        json!({
            "created": self.created,
            "architecture": self.architecture,
            "os": "linux",
            "config": {
                "User": self.user,
                "ExposedPorts": { format!("{}/tcp", self.port): {} },
                "Env": self.environment,
                "Entrypoint": self.entrypoint,
                "WorkingDir": "/",
                "StopSignal": "SIGTERM",
                "Labels": self.labels,
            },
            "rootfs": { "type": "layers", "diff_ids": plain },
            "history": vec![history; layers.len()],
        })
    }
}

/// A descriptor with further members.
fn with(mut descriptor: Value, more: Value) -> Value {
    if let (Some(members), Value::Object(more)) = (descriptor.as_object_mut(), more) {
        members.extend(more);
    }
    descriptor
}

fn text(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}
