//! Which events the log has.

use crate::event::Event;
use crate::levels::Levels;

impl Event<'_> {
    /// Whether the log has it where an operator has set levels. What the audit promises, and what keeps the gate from
    /// serving, it has whatever they are.
    pub(crate) fn is_told(&self, levels: &Levels) -> bool {
        let target = match self {
            Self::Refused { .. }
            | Self::PreflightRefused { .. }
            | Self::FieldRemoved(_)
            | Self::PolicyUnreadable { .. }
            | Self::PolicyInvalid { .. }
            | Self::KeyExposed { .. }
            | Self::LogoutFailed { .. }
            | Self::LogoutRefused { .. }
            | Self::LoggedOut { .. } => return true,
            #[cfg(feature = "report")]
            Self::WouldRefuse { .. } | Self::CandidateDiffers(_) | Self::ReportMode { .. } => {
                return true;
            }
            #[cfg(feature = "bundle")]
            Self::Bundle { .. } => return true,
            #[cfg(feature = "access-log")]
            Self::LevelsInvalid { .. } => return true,
            Self::VariableUnreadable { .. } => "gate",
            Self::Keys(_) => "keys",
            Self::IntrospectionFailed { .. } => "introspection",
            Self::RevocationsFull { .. }
            | Self::RevocationsMany { .. }
            | Self::RevocationsIgnored { .. } => "revocation",
            Self::CountersMany { .. }
            | Self::StoreNotGranted { .. }
            | Self::StoreUnavailable { .. }
            | Self::RecordIgnored { .. } => "store",
            Self::UpstreamFailed { .. } | Self::MirrorFailed { .. } | Self::NotMirrored { .. } => {
                "upstream"
            }
            #[cfg(feature = "otlp")]
            Self::TelemetryFailed { .. } => "telemetry",
            #[cfg(feature = "health")]
            Self::NotReady { .. } | Self::Ready => "health",
        };
        levels.admit(target, self.level())
    }
}
