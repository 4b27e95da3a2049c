use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::{Lines, TOGETHER, WAITING_BYTES_MAX};

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

/// A thread that looks after them, for as long as the process is there.
fn keep(lines: &Arc<Lines<Written>>) {
    let lines = Arc::clone(lines);
    thread::spawn(move || lines.look_after());
}

/// As if there were a thread that looks after them, and something was just written, however slow the machine is.
fn is_busy(lines: &Lines<Written>) {
    let mut waiting = lines.waiting.lock().unwrap();
    waiting.has_keeper = true;
    waiting.taken = Instant::now().checked_add(Duration::from_secs(3600));
}

#[test]
fn lines_that_come_soon_after_a_call_go_together_by_the_next_one() {
    let written = Written::default();
    let lines = Arc::new(Lines::new(written.clone()));
    is_busy(&lines);
    for line in ["one\n", "two\n", "three\n"] {
        lines.write(|to| to.extend_from_slice(line.as_bytes()));
    }
    assert!(written.calls().is_empty());
    keep(&lines);
    while written.calls().is_empty() {
        thread::yield_now();
    }
    assert_eq!(written.calls(), [b"one\ntwo\nthree\n"]);
    // Once it was quiet for a while, a line does not wait.
    lines.waiting.lock().unwrap().taken = Instant::now().checked_sub(TOGETHER);
    lines.write(|to| to.extend_from_slice(b"four\n"));
    while written.calls().len() < 2 {
        thread::yield_now();
    }
    assert_eq!(written.calls()[1], b"four\n");
}

#[test]
fn a_call_has_as_many_whole_lines_as_a_pipe_takes_as_one() {
    let written = Written::default();
    let lines = Lines::new(written.clone());
    is_busy(&lines);
    let lengths = [1, 2000, 2000, 94, 95, 4095, 1, 4096, 9000, 3, 4, 4000];
    for length in lengths {
        lines.write(|to| {
            to.resize(to.len() + length, b'~');
            to.push(b'\n');
        });
    }
    lines.flush();
    let sizes: Vec<usize> = written.calls().iter().map(Vec::len).collect();
    let expected = [2 + 2001 + 2001, 95 + 96, 4096, 2, 4097, 9001, 4 + 5 + 4001];
    assert_eq!(sizes, expected);
    let (calls, all) = (written.calls(), written.text());
    assert!(calls.iter().all(|call| call.ends_with(b"\n")));
    let had: Vec<usize> = all.lines().map(str::len).collect();
    assert_eq!(had, lengths);
}

#[test]
fn what_waits_is_written_when_the_process_ends_and_when_it_is_too_much() {
    let written = Written::default();
    let lines = Lines::new(written.clone());
    is_busy(&lines);
    lines.write(|to| to.extend_from_slice(b"last\n"));
    lines.flush();
    assert_eq!(written.text(), "last\n");
    is_busy(&lines);
    lines.write(|to| to.resize(WAITING_BYTES_MAX + 1, b'~'));
    assert_eq!(written.calls().concat().len(), 5 + WAITING_BYTES_MAX + 1);
}

#[test]
fn lines_of_many_threads_stay_whole_and_in_their_order_and_none_is_left() {
    for is_kept in [false, true] {
        lines_of_many_threads(is_kept);
    }
}

fn lines_of_many_threads(is_kept: bool) {
    const THREADS: usize = 8;
    const LINES: usize = 2000;
    let written = Written::default();
    let lines = Arc::new(Lines::new(written.clone()));
    if is_kept {
        keep(&lines);
    }
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
    lines.flush();
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
        while lines.waiting.lock().unwrap().lines.is_empty() {
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
