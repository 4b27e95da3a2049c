use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use super::{Lines, WAITING_BYTES_MAX};

/// What was written, call by call.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<Vec<u8>>>>);

impl Written {
    fn calls(&self) -> Vec<Vec<u8>> {
        self.0.lock().unwrap().clone()
    }

    fn text(&self) -> String {
        String::from_utf8(self.calls().concat()).unwrap()
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().push(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A pipe that takes nothing until it is told to: says when it is written to, and waits.
struct Stuck {
    written: Written,
    asked: Sender<()>,
    goes_on: Receiver<()>,
}

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.asked.send(());
        let _ = self.goes_on.recv();
        self.written.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn stuck() -> (Lines<Stuck>, Written, Receiver<()>, Sender<()>) {
    let (written, (asked, is_asked), (go, goes_on)) = (Written::default(), channel(), channel());
    let stuck = Stuck {
        written: written.clone(),
        asked,
        goes_on,
    };
    (Lines::new(stuck), written, is_asked, go)
}

#[test]
fn a_line_is_written_at_once_and_with_one_call() {
    let written = Written::default();
    let lines = Lines::new(written.clone());
    for line in ["one\n", "two\n"] {
        lines.write(|to| {
            to.extend_from_slice(b"[a] ");
            to.extend_from_slice(line.as_bytes());
        });
    }
    assert_eq!(written.calls(), [b"[a] one\n", b"[a] two\n"]);
}

#[test]
fn lines_of_many_threads_stay_whole_and_in_their_order_and_none_is_left() {
    const THREADS: usize = 8;
    const LINES: usize = 2000;
    let written = Written::default();
    let lines = Arc::new(Lines::new(written.clone()));
    let all_are_there = Arc::new(Barrier::new(THREADS));
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let (lines, all_are_there) = (Arc::clone(&lines), Arc::clone(&all_are_there));
            thread::spawn(move || {
                all_are_there.wait();
                for line in 0..LINES {
                    let padding = "~".repeat(line % 97);
                    let text = format!("{thread} {line} {padding}\n");
                    lines.write(|to| to.extend_from_slice(text.as_bytes()));
                }
            })
        })
        .collect();
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    let mut seen = BTreeMap::new();
    for line in written.text().lines() {
        let parts: Vec<&str> = line.split(' ').collect();
        let [thread, number] = [parts[0], parts[1]].map(|part| part.parse::<usize>().unwrap());
        assert_eq!(parts[2].len(), number % 97, "{line}");
        let next = seen.entry(thread).or_insert(0);
        assert_eq!(number, *next, "of thread {thread}");
        *next += 1;
    }
    assert_eq!(seen, (0..THREADS).map(|thread| (thread, LINES)).collect());
}

#[test]
fn who_has_a_line_while_another_one_is_written_goes_on_and_it_follows_with_the_next_call() {
    let (lines, written, is_asked, go) = stuck();
    thread::scope(|scope| {
        scope.spawn(|| lines.write(|to| to.extend_from_slice(b"first\n")));
        is_asked.recv().unwrap();
        // These return although nothing was written yet.
        lines.write(|to| to.extend_from_slice(b"second\n"));
        lines.write(|to| to.extend_from_slice(b"third\n"));
        assert!(written.calls().is_empty());
        go.send(()).unwrap();
        is_asked.recv().unwrap();
        go.send(()).unwrap();
    });
    assert_eq!(written.calls(), [&b"first\n"[..], b"second\nthird\n"]);
}

#[test]
fn where_too_much_waits_the_next_one_waits_itself() {
    let (lines, written, is_asked, go) = stuck();
    let long = vec![b'~'; WAITING_BYTES_MAX + 1];
    let (returned, has_returned) = channel();
    thread::scope(|scope| {
        scope.spawn(|| lines.write(|to| to.extend_from_slice(b"first\n")));
        is_asked.recv().unwrap();
        scope.spawn(|| {
            lines.write(|to| to.extend_from_slice(&long));
            returned.send(written.calls().len()).unwrap();
        });
        // The first one is still in its call, so it is all that can be written before the other one returns.
        while lines.waiting.lock().unwrap().is_empty() {
            thread::yield_now();
        }
        assert!(has_returned.try_recv().is_err());
        go.send(()).unwrap();
        is_asked.recv().unwrap();
        go.send(()).unwrap();
        assert_eq!(has_returned.recv().unwrap(), 2);
    });
    assert_eq!(written.calls().concat().len(), "first\n".len() + long.len());
}
