//! Tasks in virtual time: one thread, one clock, and an order that follows from the seed.

use crate::numbers::Numbers;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// Whose task it is: an instance of the component, or 0 for the world around it.
pub type Owner = u64;
/// The tasks of clients, issuers and origins.
pub const WORLD: Owner = 0;

/// Turns of tasks at one and the same time after which nothing but turns is to be expected.
const TURNS_MAX: u64 = 20_000_000;

type TaskId = u64;
type Work = Pin<Box<dyn Future<Output = ()>>>;

/// Runs tasks, and moves the clock to the next thing that happens when all of them wait.
pub struct Executor {
    /// What the clock shows that nobody sets, in nanoseconds.
    now_ns: Cell<u64>,
    tasks: RefCell<BTreeMap<TaskId, Task>>,
    next_task: Cell<TaskId>,
    shared: Arc<Shared>,
    timers: RefCell<BTreeMap<(u64, u64), Waker>>,
    next_timer: Cell<u64>,
    order: RefCell<Option<Numbers>>,
    /// Turns since the clock moved last.
    turns: Cell<u64>,
    /// Owners that have ended while one of their tasks ran.
    ended: RefCell<BTreeSet<Owner>>,
}

struct Task {
    owner: Owner,
    work: Work,
}

/// What wakers see.
struct Shared {
    ready: Mutex<VecDeque<TaskId>>,
    running: AtomicU64,
    /// Whether it is the host that wakes.
    host: AtomicBool,
    /// A task was woken by another one, and not through the host.
    crossed: AtomicBool,
}

struct TaskWaker {
    task: TaskId,
    shared: Arc<Shared>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        let shared = &self.shared;
        let running = shared.running.load(Ordering::SeqCst);
        if running != self.task && !shared.host.load(Ordering::SeqCst) {
            shared.crossed.store(true, Ordering::SeqCst);
            return;
        }
        let mut ready = shared.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if !ready.contains(&self.task) {
            ready.push_back(self.task);
        }
    }
}

impl Executor {
    /// No tasks, at the beginning of time. With an `order`, tasks that could run run in one that it gives;
    /// without, in the one in which they were woken.
    #[must_use]
    pub fn new(order: Option<Numbers>) -> Rc<Self> {
        Rc::new(Self {
            now_ns: Cell::new(0),
            tasks: RefCell::default(),
            next_task: Cell::new(1),
            shared: Arc::new(Shared {
                ready: Mutex::default(),
                running: AtomicU64::new(0),
                host: AtomicBool::new(false),
                crossed: AtomicBool::new(false),
            }),
            timers: RefCell::default(),
            next_timer: Cell::new(0),
            order: RefCell::new(order),
            turns: Cell::new(0),
            ended: RefCell::default(),
        })
    }

    /// What the clock shows that nobody sets.
    #[must_use]
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.now_ns.get())
    }

    /// Begins a task, unless `owner` has ended.
    pub fn spawn(&self, owner: Owner, work: impl Future<Output = ()> + 'static) {
        if owner != WORLD && self.has_ended(owner) {
            return;
        }
        let id = self.next_task.get();
        self.next_task.set(id + 1);
        let work = Box::pin(work);
        self.tasks.borrow_mut().insert(id, Task { owner, work });
        self.ready().push_back(id);
    }

    /// Drops all tasks of `owner`, wherever they are.
    pub fn end(&self, owner: Owner) {
        self.ended.borrow_mut().insert(owner);
        let ended: Vec<_> = {
            let mut tasks = self.tasks.borrow_mut();
            let ids: Vec<_> = tasks
                .iter()
                .filter(|(_, task)| task.owner == owner)
                .map(|(id, _)| *id)
                .collect();
            ids.iter().filter_map(|id| tasks.remove(id)).collect()
        };
        // What they hold may wake others, and begin tasks.
        drop(ended);
    }

    /// Drops all tasks, whosever they are: nothing is to happen any more.
    pub fn clear(&self) {
        loop {
            let tasks = std::mem::take(&mut *self.tasks.borrow_mut());
            if tasks.is_empty() {
                return;
            }
            // What they hold may begin tasks.
            drop(tasks);
        }
    }

    /// Whether `owner` has ended.
    #[must_use]
    pub fn has_ended(&self, owner: Owner) -> bool {
        self.ended.borrow().contains(&owner)
    }

    /// Wakes a task as the host does. A task that another one wakes by itself is a fault: where components run,
    /// it would never run again.
    pub fn wake(&self, waker: Option<Waker>) {
        if let Some(waker) = waker {
            self.shared.host.store(true, Ordering::SeqCst);
            waker.wake();
            self.shared.host.store(false, Ordering::SeqCst);
        }
    }

    /// Waits.
    pub async fn sleep(self: &Rc<Self>, time: Duration) {
        let at = self.now_ns.get().saturating_add(nanoseconds(time));
        let number = self.next_timer.get();
        self.next_timer.set(number + 1);
        let timer = Timer {
            executor: Rc::clone(self),
            key: (at, number),
        };
        poll_fn(|context| {
            if self.now_ns.get() >= at {
                return Poll::Ready(());
            }
            let waker = context.waker().clone();
            self.timers.borrow_mut().insert(timer.key, waker);
            Poll::Pending
        })
        .await;
    }

    /// Lets every other task have a turn.
    pub async fn turn(&self) {
        let mut first = true;
        poll_fn(|context| {
            if !std::mem::take(&mut first) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    /// By which one task waits for another one: the second half waits until the first one is dropped.
    pub fn gong(self: &Rc<Self>) -> (Gong, impl Future<Output = ()> + use<>) {
        let state: Rc<RefCell<(bool, Option<Waker>)>> = Rc::default();
        let gong = Gong {
            executor: Rc::clone(self),
            state: Rc::clone(&state),
        };
        let waiting = poll_fn(move |context| {
            let mut state = state.borrow_mut();
            if state.0 {
                return Poll::Ready(());
            }
            state.1 = Some(context.waker().clone());
            Poll::Pending
        });
        (gong, waiting)
    }

    /// Runs everything until `work` has ended.
    ///
    /// # Panics
    /// When nothing is left that could happen, and when one task wakes another one by itself.
    pub fn run<T: 'static>(&self, work: impl Future<Output = T> + 'static) -> T {
        let outcome = Rc::new(RefCell::new(None));
        let told = Rc::clone(&outcome);
        self.spawn(WORLD, async move {
            let value = work.await;
            *told.borrow_mut() = Some(value);
        });
        loop {
            if let Some(value) = outcome.borrow_mut().take() {
                return value;
            }
            assert!(self.step(), "all tasks wait for each other");
        }
    }

    /// Runs everything for so long.
    pub fn run_for(self: &Rc<Self>, time: Duration) {
        let executor = Rc::clone(self);
        self.run(async move { executor.sleep(time).await });
    }

    /// So many turns of tasks, each of one of them; where all wait, the clock moves on to the next thing that
    /// happens. Returns whether there is still something to do.
    pub fn turns(&self, count: usize) -> bool {
        (0..count).all(|_| self.step())
    }

    /// How many tasks there are.
    #[must_use]
    pub fn tasks(&self) -> usize {
        self.tasks.borrow().len()
    }

    /// How many tasks an owner has.
    #[must_use]
    pub fn tasks_of(&self, owner: Owner) -> usize {
        let tasks = self.tasks.borrow();
        tasks.values().filter(|task| task.owner == owner).count()
    }

    /// One turn of one task, or the clock moves on. `false`: nothing is left to do.
    fn step(&self) -> bool {
        let Some(id) = self.next_ready() else {
            return self.advance();
        };
        let turns = self.turns.get() + 1;
        self.turns.set(turns);
        assert!(
            turns < TURNS_MAX,
            "tasks wake each other for ever, and no time passes"
        );
        let Some(mut task) = self.tasks.borrow_mut().remove(&id) else {
            return true;
        };
        let waker = Waker::from(Arc::new(TaskWaker {
            task: id,
            shared: Arc::clone(&self.shared),
        }));
        self.shared.running.store(id, Ordering::SeqCst);
        let polled = task.work.as_mut().poll(&mut Context::from_waker(&waker));
        let goes_on = polled.is_pending() && (task.owner == WORLD || !self.has_ended(task.owner));
        if goes_on {
            self.tasks.borrow_mut().insert(id, task);
        } else {
            drop(task);
        }
        self.shared.running.store(0, Ordering::SeqCst);
        assert!(
            !self.shared.crossed.load(Ordering::SeqCst),
            "one task woke another one by itself, which does nothing where components run"
        );
        true
    }

    fn next_ready(&self) -> Option<TaskId> {
        let mut ready = self.ready();
        let place = match &mut *self.order.borrow_mut() {
            Some(order) if ready.len() > 1 => order.below(ready.len()),
            _ => 0,
        };
        ready.remove(place)
    }

    fn advance(&self) -> bool {
        let next = self.timers.borrow_mut().pop_first();
        let Some(((at, _), waker)) = next else {
            return false;
        };
        self.now_ns.set(self.now_ns.get().max(at));
        self.turns.set(0);
        self.wake(Some(waker));
        true
    }

    fn ready(&self) -> std::sync::MutexGuard<'_, VecDeque<TaskId>> {
        let ready = self.shared.ready.lock();
        ready.unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes who waits for it, when it is dropped.
pub struct Gong {
    executor: Rc<Executor>,
    state: Rc<RefCell<(bool, Option<Waker>)>>,
}

impl Drop for Gong {
    fn drop(&mut self) {
        let mut state = self.state.borrow_mut();
        state.0 = true;
        let waker = state.1.take();
        drop(state);
        self.executor.wake(waker);
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A place among the timers, for as long as somebody waits.
struct Timer {
    executor: Rc<Executor>,
    key: (u64, u64),
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.executor.timers.borrow_mut().remove(&self.key);
    }
}
