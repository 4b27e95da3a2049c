//! The gate under simulated traffic: instances come and go as Spin's do.

use super::client::{Answer, Sent};
use super::component::Component;
use super::executor::Owner;
use super::message::{Failure, Request, Response};
use super::platform::Sim;
use super::world::{Peer, World};
use doorward_gate::{Instance, POLICY_PATH, Permitted, handle, handle_with_upstreams};
use doorward_policy::Policy;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// What is behind the gate.
#[derive(Clone)]
pub enum Behind {
    /// The next component.
    Next(Peer),
    /// The upstreams that the policy names: the gate is the gateway.
    Upstreams,
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
}

impl Gate {
    /// No instance yet.
    ///
    /// # Panics
    /// When the component has a policy that is not valid: what is wrong with it is printed.
    #[must_use]
    pub fn new(world: &Rc<World>, component: Component, behind: Behind) -> Rc<Self> {
        if let Some(policy) = component.files.get(POLICY_PATH) {
            let findings = Policy::parse(&String::from_utf8_lossy(policy)).err();
            assert!(
                findings.is_none() || component.may_be_invalid,
                "the policy: {}",
                findings.map_or_else(String::new, |findings| findings.to_string())
            );
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
        let _under_way = UnderWay(&running);
        match &self.behind {
            Behind::Next(next) => {
                let next = |permitted: Permitted<Sim>| next(permitted.into_request());
                handle(&running.instance, request, next).await
            }
            Behind::Upstreams => handle_with_upstreams(&running.instance, request).await,
        }
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
        })
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

    /// Ends all instances: whatever they do after their responses is lost, wherever it is. Requests under way
    /// are answered by what is left of theirs.
    pub fn end_instances(&self) {
        let ended = std::mem::take(&mut *self.instances.borrow_mut());
        for running in ended {
            self.world.executor.end(running.id);
        }
    }
}

/// A request that an instance serves.
struct UnderWay<'r>(&'r Running);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.set(self.0.under_way.get() - 1);
    }
}
