//! The export of a component that can be prepared before there is an instance (`world prepared`).

pub use self::bindings::Guest;
#[doc(hidden)]
pub use self::bindings::*;
pub use crate::platform::prepare;

#[doc(hidden)]
mod bindings {
    wasip3::wit_bindgen::generate!({
        path: "../../wit",
        world: "doorward:components/prepared",
        runtime_path: "wasip3::wit_bindgen::rt",
        default_bindings_module: "doorward_edge::prepared",
        export_macro_name: "export_prepared",
        pub_export_macro: true,
        generate_all,
    });
}

/// Gives a component the export `prepare`, so that `doorward compose --preinitialise` can have its policy parsed before
/// there is an instance. Named is the type for which the component exports its handler.
#[macro_export]
macro_rules! preparable {
    ($component:ident) => {
        $crate::prepared::export_prepared!($component);

        impl $crate::prepared::Guest for $component {
            fn prepare() -> Result<(), String> {
                $crate::prepared::prepare()
            }
        }
    };
}
