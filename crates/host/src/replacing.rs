//! The application that is served, and another one in its place, without that a request is lost or a connection closed.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context as _, Error, Result};
use tokio::sync::Mutex;

use crate::application::Application;
use crate::course::{Course, Phase};
use crate::download;
use crate::manifest;
use crate::metrics::Metrics;
use crate::options::HostOptions;
use crate::term::Term;
use crate::timers::Clockwork;

/// How often is looked whether a request is still on its way to an instance of an application that is retired.
const RETIRED_LOOK_EVERY: Duration = Duration::from_millis(100);

/// The application that is served.
pub struct Current(RwLock<Arc<Application>>);

impl Current {
    /// This one.
    #[must_use]
    pub fn new(application: Application) -> Self {
        Self(RwLock::new(Arc::new(application)))
    }

    /// The one that answers what comes now.
    #[must_use]
    pub fn get(&self) -> Arc<Application> {
        // Nothing in here panics half-way.
        let current = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current)
    }

    /// From now on it is this one. Gives the one that it was.
    fn put(&self, application: Arc<Application>) -> Arc<Application> {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut current, application)
    }
}

/// What of the options belongs to an application.
#[derive(Clone, Default)]
pub struct Renewed {
    /// [`HostOptions::variables`]
    pub variables: Vec<(String, String)>,
    /// [`HostOptions::ready_paths`]
    pub ready_paths: BTreeSet<String>,
}

/// Why another application has not taken the place of the one that is served, which goes on.
#[derive(Debug)]
pub enum NotReplaced {
    /// The host was told to stop.
    Stops,
    /// It cannot be served, for this reason.
    Unusable(Error),
}

impl fmt::Display for NotReplaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stops => f.write_str("the host stops"),
            Self::Unusable(error) => write!(f, "{error:#}"),
        }
    }
}

impl std::error::Error for NotReplaced {}

/// Puts other applications in the place of the one that is served.
///
/// The engine, its pool of instances, stores, connections and what is known of clients stay. What changed is loaded
/// beside the application that is served; then requests go to new instances, and old ones go away when they have nothing
/// to do any more, each by itself.
#[derive(Clone)]
pub struct Replacer {
    pub(crate) current: Arc<Current>,
    pub(crate) options: Arc<HostOptions>,
    pub(crate) course: Arc<Course>,
    pub(crate) metrics: Option<Arc<Metrics>>,
    /// One is replaced after the other.
    pub(crate) turn: Arc<Mutex<()>>,
}

impl fmt::Debug for Replacer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replacer").finish_non_exhaustive()
    }
}

impl Replacer {
    /// Loads `application` and serves it in the place of the other one. Waits until the host serves.
    ///
    /// # Errors
    ///
    /// The other one goes on, and why is said for people.
    pub async fn replace(
        &self,
        application: manifest::Application,
        renewed: Renewed,
    ) -> Result<(), NotReplaced> {
        let _turn = self.turn.lock().await;
        self.course.reaches(Phase::Serving).await;
        if self.course.drains() {
            return Err(NotReplaced::Stops);
        }
        let loaded = self.load(application, renewed).await;
        if let Some(metrics) = &self.metrics {
            metrics.replaced(loaded.is_ok());
        }
        let loaded = Arc::new(loaded.map_err(NotReplaced::Unusable)?);
        start_timers(&loaded, &Clockwork::new(&self.options));
        let before = self.current.put(loaded);
        before.term.retire();
        tokio::spawn(until_nobody_works(before));
        Ok(())
    }

    async fn load(
        &self,
        mut application: manifest::Application,
        renewed: Renewed,
    ) -> Result<Application> {
        let mut options = HostOptions::clone(&self.options);
        options.variables = renewed.variables;
        options.ready_paths = renewed.ready_paths;
        download::fetch_all(&mut application, &options, &|_| {}).await?;
        let before = self.current.get();
        let term = Term::begin(Arc::clone(&self.course));
        let metrics = self.metrics.clone();
        let loading = tokio::task::spawn_blocking(move || {
            Application::load(&application, &options, &term, metrics, Some(&before))
        });
        loading.await.context("loading the application failed")?
    }
}

/// Keeps an application that is retired for as long as somebody works for it, who may ask its components.
async fn until_nobody_works(retired: Arc<Application>) {
    loop {
        retired.term.all_gone().await;
        // Whoever has it too has a request, and may start an instance; nobody else gets it now.
        if Arc::strong_count(&retired) == 1 && !retired.term.is_busy() {
            return;
        }
        tokio::time::sleep(RETIRED_LOOK_EVERY).await;
    }
}

/// Has the timers of an application asked, until its term is over.
pub fn start_timers(application: &Application, clockwork: &Clockwork) {
    for timed in &application.timers {
        let term = Arc::clone(&application.term);
        tokio::spawn(clockwork.clone().drive(timed.clone(), term));
    }
}
