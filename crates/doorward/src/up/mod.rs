//! `doorward up`: serves the application of a `spin.toml`.

mod clients;
mod dotenv;
mod first_look;
mod log_format;
mod management;
mod outbound;
mod policies;
mod renewal;
mod sources;
mod stamps;
mod stopping;
mod stores;
mod variable;

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use doorward_host::ahead::Ahead;
use doorward_host::kv::Places;
use doorward_host::manifest::runtime_config::{self, RuntimeConfig};
use doorward_host::manifest::{Application, Timer};
use doorward_host::{HostOptions, LogSink, Server, build, download, options};

use crate::issuer::Issuer;
use crate::say::say;
use crate::shutdown::shutdown_signal;
use crate::{state, values};
use first_look::FirstLook;
use log_format::LogFormat;
use outbound::Outbound;
pub(crate) use policies::check as check_policies;
use renewal::Renewal;
use sources::Sources;
pub(crate) use variable::{VariableSource, read_all as read_variables};

/// A start that takes longer says what it is doing; one whose components are compiled takes less.
const SILENT_START: Duration = Duration::from_millis(500);

/// The state folder in an image, where a volume can be mounted.
const IMAGE_STATE: &str = "/state";

#[derive(Args)]
pub(crate) struct Arguments {
    /// The manifest, or a folder that holds a spin.toml [default: the nearest spin.toml upwards]
    #[arg(short = 'f', long, value_name = "SPIN.TOML")]
    from: Option<PathBuf>,
    /// Serve the folder that `doorward image` has put into an image: what was compiled there, and nothing else.
    ///
    /// The manifest is the one in it, unless --from names another one with the same components; the state folder is
    /// /state, unless another one is named.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["build", "development_issuer"])]
    image: Option<PathBuf>,
    /// The address to listen on. The head of a request can have up to 96 KiB and 128 fields.
    #[arg(
        long,
        env = "SPIN_HTTP_LISTEN_ADDR",
        default_value = "127.0.0.1:3000",
        value_name = "ADDRESS"
    )]
    listen: SocketAddr,
    /// Build the components first.
    #[arg(long)]
    build: bool,
    /// Run the development issuer beside the application, where the policy expects it.
    #[arg(long)]
    development_issuer: bool,
    /// A value for a variable; may be repeated, the last one of a name counts. Values may also be in the
    /// environment or in a file .env here, as SPIN_VARIABLE_NAME.
    #[arg(long, value_name = "KEY=VALUE | KEY=@FILE | @FILE.json | @FILE.toml")]
    variable: Vec<VariableSource>,
    /// An environment variable for every component; may be repeated.
    #[arg(short = 'e', long, value_name = "KEY=VALUE", value_parser = values::key_value)]
    env: Vec<(String, String)>,
    /// A value to put into the `default` key-value store first; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = values::key_value)]
    key_value: Vec<(String, String)>,
    /// Do not show what the components write.
    #[arg(short = 'q', long)]
    quiet: bool,
    /// How to show what the gate writes.
    #[arg(long, value_enum, default_value_t = LogFormat::Auto, value_name = "FORMAT")]
    log_format: LogFormat,
    /// The folder of what outlives a run [default: .doorward beside the manifest]
    #[arg(long, value_name = "FOLDER")]
    state_dir: Option<PathBuf>,
    /// A runtime configuration as Spin takes it: where stores and databases are (key_value_store, sqlite_database), and
    /// certificates to show to upstreams (client_tls).
    #[arg(long, env = "RUNTIME_CONFIG_FILE", value_name = "FILE.toml")]
    runtime_config_file: Option<PathBuf>,
    /// Requests that one instance serves before it is replaced.
    ///
    /// A new instance reads the policy and verifies its first tokens. Keys, revocations and shared limits show
    /// within seconds however old an instance is; limits that are not shared begin anew with each. Spin has the
    /// same flag, whose default is 128: a sixteenth more processor time, and an eighth where 500 callers take
    /// turns. Fewer are for components that leak. docs/costs.md has figures.
    #[arg(long, value_name = "COUNT", value_parser = values::count, default_value_t = options::INSTANCE_REUSE_COUNT)]
    max_instance_reuse_count: usize,
    /// Requests that one instance serves at the same time.
    ///
    /// So many requests at most end with an instance that traps or runs out of memory. With fewer there are
    /// more instances, each with memory of its own.
    #[arg(long, value_name = "COUNT", value_parser = values::count, default_value_t = options::INSTANCE_CONCURRENT_REUSE_COUNT)]
    max_instance_concurrent_reuse_count: usize,
    /// Instances at the same time for requests of clients, from 1 to 256.
    ///
    /// Who would need one more gets a 503. With many requests under way each takes one or two MiB: with less memory than
    /// half a GiB, have fewer.
    #[arg(long, value_name = "COUNT", value_parser = values::instances, default_value_t = options::INSTANCES_MAX)]
    max_instances: usize,
    /// How long an instance without requests is kept, such as 1s or 500ms.
    ///
    /// Where requests are few, more time saves the next one the start of an instance.
    #[arg(long, value_name = "DURATION", value_parser = values::duration, default_value = "1s")]
    idle_instance_timeout: Duration,
    /// How long a component has while nothing moves; 0: no limit.
    ///
    /// Counted is time in which no byte of the request or of its answer moves and the client is not waited for.
    /// So an upload or an event stream may take longer. Without an answer by then it is a 504, and the
    /// instance takes no new requests; an answer that has begun is broken off. A gateway's own deadlines are in
    /// the policy. Spin has the same flag, and no limit by default.
    #[arg(long, value_name = "DURATION", value_parser = values::duration, default_value = "300s")]
    request_timeout: Duration,
    /// Memory that one instance may use.
    #[arg(long, env = "SPIN_MAX_INSTANCE_MEMORY", value_name = "BYTES", value_parser = values::count, default_value_t = options::MEMORY_BYTES_MAX)]
    max_instance_memory: usize,
    #[command(flatten)]
    clients: clients::Arguments,
    #[command(flatten)]
    outbound: Outbound,
    #[command(flatten)]
    management: management::Arguments,
    #[command(flatten)]
    renewal: renewal::Arguments,
    #[command(flatten)]
    stopping: stopping::Arguments,
}

impl Arguments {
    /// What `doorward` alone stands for.
    pub(crate) fn for_a_first_look(self) -> Self {
        Self {
            build: true,
            development_issuer: true,
            ..self
        }
    }
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    arguments.stopping.check()?;
    let image = arguments.image.as_deref();
    let ahead = image.map(Ahead::read).transpose()?.map(Arc::new);
    let sources = Sources {
        manifest: state::find_manifest(arguments.from.as_deref().or(image))?,
        ahead: ahead.clone(),
        environment: arguments.env.clone(),
        variables: arguments.variable.clone(),
    };
    let application = sources.read()?;
    let in_image = image.map(|_| Path::new(IMAGE_STATE));
    let state_dir = arguments.state_dir.as_deref().or(in_image);
    let state_dir = state::state_dir_of(&application.dir, state_dir)?;
    // An image's file system may be read-only, and what needs the folder makes it.
    if image.is_none() {
        state::create(&state_dir)?;
    }
    let runtime = tokio::runtime::Runtime::new().context("the runtime cannot be started")?;

    // Whether both ports are free is known at once; building takes a while.
    check_address(arguments.listen)?;
    let ready_paths = policies::check(&application)?.ready_paths;
    let mut configured = match &arguments.runtime_config_file {
        Some(file) => runtime_config::load(file)?,
        None => RuntimeConfig::default(),
    };
    let file = arguments.runtime_config_file.as_deref();
    let client_tls = file.map(|file| (file, std::mem::take(&mut configured.client_tls)));
    let outbound = arguments.outbound.options(&application, client_tls)?;
    let first_look = FirstLook::of(&application);
    let issuer = if arguments.development_issuer {
        let listen = first_look.issuer_address()?;
        let issuer = runtime.block_on(Issuer::bind(listen, &state_dir));
        Some(issuer.context("use `doorward up --build` to start without the development issuer")?)
    } else {
        None
    };
    if arguments.build {
        build::ensure_built(&application, &|line| say(line))?;
    } else {
        build::check_sources(&application)?;
    }
    stores::notice_unused(&application, &configured.key_value_stores);
    if !arguments.key_value.is_empty() {
        let places = Places::new(&state_dir, &configured.key_value_stores, &outbound);
        runtime.block_on(stores::fill(&places, &arguments.key_value))?;
    }
    let variables = sources.variables(&application)?;
    let renewal = {
        // Signals are for the runtime.
        let _entered = runtime.enter();
        Renewal::new(&arguments.renewal, sources, &application, arguments.build)
    };
    let printed = issuer.is_some().then_some(&first_look);
    let mut host = HostOptions::new(arguments.listen, state_dir);
    host.ahead = ahead;
    host.outbound = outbound;
    host.variables = variables;
    arguments.stopping.set(ready_paths, &mut host);
    let served = runtime.block_on(serve(
        application,
        host,
        arguments,
        configured,
        issuer,
        printed,
        renewal,
    ));
    // What was cut off is not waited for, whatever it does.
    runtime.shutdown_background();
    LogSink::flush_stdio();
    served?;
    Ok(ExitCode::SUCCESS)
}

/// A line for each timer.
fn timers(application: &Application) -> Vec<String> {
    let components = application.components.values();
    let lines = components.flat_map(|component| {
        let id = &component.id;
        component.timers.iter().map(move |timer| {
            let Timer { schedule, path, .. } = timer;
            let last = if timer.at_stop {
                ", and when it stops"
            } else {
                ""
            };
            format!(
                "Asking {id} for {path} at \"{}\" (UTC){last}",
                schedule.text()
            )
        })
    });
    lines.collect()
}

async fn serve(
    mut application: Application,
    mut host: HostOptions,
    arguments: Arguments,
    configured: RuntimeConfig,
    issuer: Option<Issuer>,
    first_look: Option<&FirstLook>,
    renewal: Renewal,
) -> Result<()> {
    let name = application.name.clone();
    let timers = timers(&application);
    let state_dir = host.state_dir.clone();
    host.max_instance_reuse_count = arguments.max_instance_reuse_count;
    host.max_instance_concurrent_reuse_count = arguments.max_instance_concurrent_reuse_count;
    host.instances_max = arguments.max_instances;
    host.idle_instance_timeout = arguments.idle_instance_timeout;
    host.request_timeout =
        (arguments.request_timeout > Duration::ZERO).then_some(arguments.request_timeout);
    arguments.clients.set(&mut host);
    arguments.management.set(&mut host);
    host.memory_bytes_max = arguments.max_instance_memory;
    host.key_value_stores = configured.key_value_stores;
    host.sqlite_databases = configured.sqlite_databases;
    host.log = match arguments.quiet {
        true => Some(LogSink::new(|_| {})),
        false => arguments.log_format.sink(),
    };
    // Here, so that somebody sees what takes time.
    download::fetch_all(&mut application, &host, &|line| {
        say(line);
    })
    .await?;
    let loading = Instant::now();
    let mut starting = tokio::spawn(Server::bind(application, host));
    let started = match tokio::time::timeout(SILENT_START, &mut starting).await {
        Ok(started) => started,
        Err(_) => {
            say("Compiling the components for this machine (once, some seconds)");
            starting.await
        }
    };
    let server = match started.context("the application cannot be loaded")? {
        Ok(server) => server,
        Err(error) if is_address_in_use(&error) => bail!(address_in_use(arguments.listen)),
        Err(error) => return Err(error),
    };
    let url = format!("http://{}", server.local_addr());
    let shutdown = shutdown_signal();
    println!(
        "Serving {name} at {url} (loaded in {} ms)",
        loading.elapsed().as_millis()
    );
    management::Arguments::print(&server);
    for timer in timers {
        println!("{timer}");
    }
    if let Some(issuer) = &issuer {
        println!("{}", issuer.warning());
    }
    if let Some(first_look) = first_look {
        first_look.print(&url, &state_dir);
    }
    let issuing = issuer.map(|issuer| tokio::spawn(issuer.serve(std::future::pending())));
    let renewing = renewal.go_on(server.replacer());
    let served = server
        .serve(async {
            tokio::select! {
                () = shutdown => {}
                () = renewing => {}
            }
            arguments.stopping.print_begin();
        })
        .await;
    if let Some(issuing) = issuing {
        issuing.abort();
    }
    arguments.stopping.print_end(served?);
    Ok(())
}

/// The values of `.env` in the current folder, by the names of environment variables.
pub(crate) fn dot_env() -> Result<BTreeMap<String, String>> {
    dotenv::read(Path::new(dotenv::FILE))
}

/// A port that is taken is found out before the build, which may take a while.
fn check_address(listen: SocketAddr) -> Result<()> {
    match TcpListener::bind(listen) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => bail!(address_in_use(listen)),
        // Any other reason is told when the server binds.
        _ => Ok(()),
    }
}

fn is_address_in_use(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::AddrInUse)
    })
}

fn address_in_use(listen: SocketAddr) -> String {
    let other = SocketAddr::new(listen.ip(), listen.port().checked_add(10).unwrap_or(0));
    format!(
        "cannot listen on {listen}: another program listens there\n  help: stop it, or choose another \
         address with `--listen {other}`"
    )
}
