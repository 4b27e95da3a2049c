#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use wasmtime::{Instance, Memory, Module, Store};

use super::*;

const MEMORY_BYTES: usize = 4 << 20;
const PAGE_BYTES: usize = 64 << 10;
const BEGIN: &[u8] = b"in the image";

/// Instances of a module with such a memory, one after the other in the same place.
struct Place {
    engine: Engine,
    module: Module,
}

impl Place {
    fn new() -> Self {
        let room = Room {
            outside: 1,
            chains: false,
            timers: false,
        };
        let engine = engine(None, MEMORY_BYTES, room, false).unwrap();
        let pages = MEMORY_BYTES / PAGE_BYTES;
        let text = format!(
            r#"(module (memory (export "memory") {pages}) (data (i32.const 1048576) "in the image"))"#
        );
        let module = Module::new(&engine, wat::parse_str(text).unwrap()).unwrap();
        Self { engine, module }
    }

    /// Has the next instance do this with its memory.
    fn next<R>(&self, work: impl FnOnce(&mut [u8]) -> R) -> R {
        let mut store = Store::new(&self.engine, ());
        store.set_epoch_deadline(1);
        let instance = Instance::new(&mut store, &self.module, &[]).unwrap();
        let memory: Memory = instance.get_memory(&mut store, "memory").unwrap();
        work(memory.data_mut(&mut store))
    }

    /// Where an instance finds what is neither zero nor in the image.
    fn left(&self) -> Option<usize> {
        self.next(|memory| {
            let (before, rest) = memory.split_at(1 << 20);
            let after = rest.strip_prefix(BEGIN).unwrap();
            let mut others = before.iter().chain(after);
            others.position(|&byte| byte != 0)
        })
    }
}

#[test]
fn nothing_that_an_instance_wrote_is_seen_by_the_next() {
    let place = Place::new();
    assert_eq!(place.left(), None);
    let spread = KEEP_RESIDENT_BYTES / 16;
    let cases: [(&str, &[(usize, usize)]); 5] = [
        ("the image", &[(1 << 20, BEGIN.len())]),
        ("a little", &[(917_000, 500), (2 << 20, 100_000)]),
        (
            "more than is kept",
            &[(PAGE_BYTES, 3 * KEEP_RESIDENT_BYTES)],
        ),
        ("the end", &[(MEMORY_BYTES - 1, 1)]),
        ("all", &[(0, MEMORY_BYTES)]),
    ];
    for (what, writes) in cases {
        for _ in 0..3 {
            place.next(|memory| {
                for &(at, length) in writes {
                    memory.get_mut(at..at + length).unwrap().fill(0xa5);
                }
            });
            assert_eq!(place.left(), None, "{what}");
        }
    }
    for _ in 0..3 {
        place.next(|memory| memory.iter_mut().step_by(spread).for_each(|byte| *byte = 1));
        assert_eq!(place.left(), None, "many pieces");
    }
}
