//! The gate under simulated traffic: instances come and go as Spin's do.

use super::body::Body;
use super::client::{Answer, Sent};
use super::component::Component;
use super::executor::{Owner, WORLD};
use super::message::{Failure, Fields, Request, Response};
use super::platform::Sim;
use super::world::{Peer, World};
use doorward_gate::linked::{Admitted, Answer as Answered, IntoAnswer};
use doorward_gate::{Instance, POLICY_PATH, Permitted, guard, handle, handle_with_upstreams};
use doorward_policy::Mounted;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Poll, Waker};

/// What is behind the gate.
#[derive(Clone)]
pub enum Behind {
    /// The next component.
    Next(Peer),
    /// The upstreams that the policy names: the gate is the gateway.
    Upstreams,
    /// A service in the same component.
    Linked(Service),
}

/// A service that the gate is linked into.
pub type Service = Rc<dyn for<'a> Fn(Admitted<'a, Sim>) -> Served<'a>>;

/// What it answers.
pub type Served<'a> = Pin<Box<dyn Future<Output = Result<Answered<Sim>, Failure>> + 'a>>;

/// A service that asks this one for each request, made anew as behind the gate.
#[must_use]
pub fn by_request(next: Peer) -> Behind {
    Behind::Linked(Rc::new(move |admitted| {
        let request = admitted.into_request().map(&*next);
        Box::pin(async move { Ok(Answered::Response(request?.await?)) })
    }))
}

/// A service that asks this one for each request, made of the values that it has.
#[must_use]
pub fn by_values(world: &Rc<World>, next: Peer) -> Behind {
    let executor = Rc::clone(&world.executor);
    Behind::Linked(Rc::new(move |admitted| {
        let mut request = Request {
            method: admitted.method().to_owned(),
            https: true,
            authority: admitted.authority(),
            target: Some(admitted.target().to_owned()),
            fields: Fields::of(admitted.forwarded_fields()),
            body: Body::empty(&executor).1,
            times: None,
        };
        if let Ok(Some(body)) = admitted.into_body().into_stream() {
            request.body = body;
        }
        let answer = next(request);
        Box::pin(async move { Ok(Answered::Response(answer.await?)) })
    }))
}

impl IntoAnswer<Sim> for Response {
    fn into_answer(self) -> Answered<Sim> {
        Answered::Response(self)
    }
}

/// The component, and its instances.
pub struct Gate {
    world: Rc<World>,
    component: Rc<Component>,
    behind: Behind,
    instances: RefCell<Vec<Rc<Running>>>,
    /// All that there ever were.
    made: RefCell<Vec<Owner>>,
}

struct Running {
    id: Owner,
    instance: Instance<Sim>,
    served: Cell<usize>,
    under_way: Cell<usize>,
    is_killed: Cell<bool>,
    /// Those whose requests are under way, by number.
    waiting: RefCell<BTreeMap<usize, Waker>>,
}

impl Gate {
    /// No instance yet.
    ///
    /// # Panics
    /// When the component has a policy that is not valid: what is wrong with it is printed.
    #[must_use]
    pub fn new(world: &Rc<World>, component: Component, behind: Behind) -> Rc<Self> {
        if let Some(policy) = component.files.get(POLICY_PATH)
            && !component.may_be_invalid
        {
            check(policy);
        }
        Rc::new(Self {
            world: Rc::clone(world),
            component: Rc::new(component),
            behind,
            instances: RefCell::default(),
            made: RefCell::default(),
        })
    }

    /// What the client gets that sends this.
    ///
    /// # Errors
    /// Where the gate gives no response.
    pub async fn send(self: &Rc<Self>, sent: Sent) -> Result<Answer, Failure> {
        let manner = self.component.manner;
        if let Some(answer) = sent.refused(manner) {
            return Ok(answer);
        }
        let (request, client) = sent.into_request(&self.world, manner);
        let answer = self.answer(request).await;
        client.receive(answer?).await
    }

    /// The response to a request, as the host gives it to a client.
    ///
    /// # Errors
    /// Where the gate gives none.
    pub async fn answer(self: &Rc<Self>, request: Request) -> Result<Response, Failure> {
        let running = self.free();
        // What waits for it is moved about, and all of the engine with it if it were not on the heap.
        Box::pin(self.answer_by(running, request)).await
    }

    /// What the client gets that sends this, and which instance it is that serves it, told before it does.
    ///
    /// # Errors
    /// Where the gate gives no response.
    pub async fn send_telling(
        self: &Rc<Self>,
        sent: Sent,
        tell: impl FnOnce(Owner),
    ) -> Result<Answer, Failure> {
        let (request, client) = sent.into_request(&self.world, self.component.manner);
        let running = self.free();
        tell(running.id);
        let answer = Box::pin(self.answer_by(running, request)).await;
        client.receive(answer?).await
    }

    async fn answer_by(
        self: &Rc<Self>,
        running: Rc<Running>,
        request: Request,
    ) -> Result<Response, Failure> {
        let under_way = UnderWay {
            gate: self,
            running: &running,
            number: running.served.get(),
        };
        let mut answer = pin!(async {
            match &self.behind {
                Behind::Next(next) => {
                    let next = |permitted: Permitted<Sim>| next(permitted.into_request());
                    handle(&running.instance, request, next).await
                }
                Behind::Upstreams => handle_with_upstreams(&running.instance, request).await,
                Behind::Linked(service) => {
                    let service = async |admitted: Admitted<'_, Sim>| service(admitted).await;
                    guard(&running.instance, request, service).await
                }
            }
        });
        // Nobody answers for an instance that was killed.
        poll_fn(|context| {
            if running.is_killed.get() {
                return Poll::Ready(Err(Failure::ConnectionTerminated));
            }
            let polled = answer.as_mut().poll(context);
            if polled.is_pending() {
                let waker = context.waker().clone();
                let mut waiting = running.waiting.borrow_mut();
                waiting.insert(under_way.number, waker);
            }
            polled
        })
        .await
    }

    /// An instance that takes another request.
    fn free(self: &Rc<Self>) -> Rc<Running> {
        let mut instances = self.instances.borrow_mut();
        instances.retain(|running| {
            running.served.get() < self.component.requests_max || running.under_way.get() > 0
        });
        let takes = |running: &&Rc<Running>| {
            running.served.get() < self.component.requests_max
                && running.under_way.get() < self.component.at_once_max
        };
        let running = match instances.iter().find(takes) {
            Some(running) => Rc::clone(running),
            None => {
                let running = self.made();
                instances.push(Rc::clone(&running));
                running
            }
        };
        running.served.set(running.served.get() + 1);
        running.under_way.set(running.under_way.get() + 1);
        running
    }

    fn made(&self) -> Rc<Running> {
        let id = self.world.owner();
        self.made.borrow_mut().push(id);
        Rc::new(Running {
            id,
            instance: Instance::load(Sim::new(&self.world, &self.component, id)),
            served: Cell::new(0),
            under_way: Cell::new(0),
            is_killed: Cell::new(false),
            waiting: RefCell::default(),
        })
    }

    /// How many instances there were until now.
    #[must_use]
    pub fn made_so_far(&self) -> usize {
        self.made.borrow().len()
    }

    /// The instances that there are.
    #[must_use]
    pub fn instances(&self) -> Vec<Owner> {
        self.instances
            .borrow()
            .iter()
            .map(|there| there.id)
            .collect()
    }

    /// Whether this is or was one of its instances.
    #[must_use]
    pub fn has_made(&self, instance: Owner) -> bool {
        self.made.borrow().contains(&instance)
    }

    /// Ends all instances at once, wherever they are: their requests have no answer, and whatever they do after
    /// their responses is lost.
    pub fn kill_instances(&self) {
        let ended = std::mem::take(&mut *self.instances.borrow_mut());
        for running in ended {
            running.is_killed.set(true);
            self.world.executor.end(running.id);
            for waker in running.waiting.take().into_values() {
                self.world.executor.wake(Some(waker));
            }
        }
    }

    /// Ends an instance that has nothing to do for a while, where the host does that.
    fn may_idle(self: &Rc<Self>, running: &Rc<Running>) {
        let Some(idle) = self.component.idle_max else {
            return;
        };
        let (gate, running) = (Rc::downgrade(self), Rc::downgrade(running));
        let executor = Rc::clone(&self.world.executor);
        self.world.executor.spawn(WORLD, async move {
            loop {
                let Some(served) = running.upgrade().map(|running| running.served.get()) else {
                    return;
                };
                executor.sleep(idle).await;
                let (Some(gate), Some(running)) = (gate.upgrade(), running.upgrade()) else {
                    return;
                };
                if running.under_way.get() > 0 || running.served.get() != served {
                    return;
                }
                // It stays for as long as it works after its last answer.
                if executor.tasks_of(running.id) == 0 {
                    let mut instances = gate.instances.borrow_mut();
                    instances.retain(|there| there.id != running.id);
                    return;
                }
            }
        });
    }

    /// Ends all instances: whatever they do after their responses is lost, wherever it is. Requests under way
    /// are answered by what is left of theirs.
    pub fn end_instances(&self) {
        let ended = std::mem::take(&mut *self.instances.borrow_mut());
        for running in ended {
            self.world.executor.end(running.id);
        }
    }
}

thread_local! {
    /// Policies that were found to be valid.
    static VALID: RefCell<BTreeSet<Vec<u8>>> = const { RefCell::new(BTreeSet::new()) };
}

/// Fails where it is not valid.
fn check(policy: &[u8]) {
    if VALID.with_borrow(|valid| valid.contains(policy)) {
        return;
    }
    let findings = Mounted::parse(&String::from_utf8_lossy(policy)).err();
    assert!(
        findings.is_none(),
        "the policy: {}",
        findings.map_or_else(String::new, |findings| findings.to_string())
    );
    VALID.with_borrow_mut(|valid| valid.insert(policy.to_vec()));
}

/// A request that an instance serves.
struct UnderWay<'r> {
    gate: &'r Rc<Gate>,
    running: &'r Rc<Running>,
    number: usize,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let running = self.running;
        running.under_way.set(running.under_way.get() - 1);
        running.waiting.borrow_mut().remove(&self.number);
        if running.under_way.get() == 0 {
            self.gate.may_idle(running);
        }
    }
}
