//! A whole town over real mutual TLS: a broker, departments and desks, started, stopped and killed
//! at a test's word.

pub(crate) mod birth;
pub(crate) mod caller;
pub(crate) mod chance;
pub(crate) mod disk;
pub(crate) mod ground;
pub(crate) mod knock;
pub(crate) mod log;
pub(crate) mod office;
pub(crate) mod party;
pub(crate) mod patience;
pub(crate) mod puppet;
pub(crate) mod relay;
pub(crate) mod settings;
pub(crate) mod window;

pub(crate) use self::{
    caller::Caller, office::Clerk, patience::stalled, puppet::Puppet, window::Window,
};

use self::{
    disk::Disk,
    ground::{BROKER, Ground, HOSPITAL, OTHER_POLICE, POSTS, Post, TRUST_DOMAIN},
    knock::Door,
    log::Log,
    party::Party,
    patience::until,
    window::Filed,
};
use contract::v1;
use node::{
    identity::{Identity, Role},
    pki::Issued,
    shutdown::Shutdown,
    tls::{Credentials, Listener, ListenerLimits},
};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
};
use tonic::Status;

/// See the module.
pub(crate) struct Town {
    in_processes: bool,
    /// Before the disks and the ground, on which they stand.
    running: BTreeMap<&'static str, Party>,
    disks: BTreeMap<&'static str, Disk>,
    pub(crate) ground: Ground,
    clerks: BTreeMap<&'static str, Clerk>,
    window: Arc<Window>,
    wish: Option<mpsc::Sender<Reread>>,
}

/// A town that is being planned.
#[derive(Default)]
pub(crate) struct Plan {
    broker_settings: String,
    office_settings: String,
    in_processes: bool,
    offices: Option<Vec<&'static str>>,
    disks: Vec<(&'static str, u32)>,
    birth_rules: Vec<(&'static str, &'static str)>,
}

impl Plan {
    /// Puts other words in the place of these in the birth procedure.
    pub(crate) fn birth_rule(mut self, words: &'static str, others: &'static str) -> Self {
        self.birth_rules.push((words, others));
        self
    }

    /// Sets values of the broker's configuration, as TOML.
    pub(crate) fn broker(mut self, settings: &str) -> Self {
        self.broker_settings = settings.into();
        self
    }

    /// Sets values of every department's configuration, as TOML.
    pub(crate) fn office(mut self, settings: &str) -> Self {
        self.office_settings = settings.into();
        self
    }

    /// Every service gets a process of its own; departments follow their scripts.
    pub(crate) fn in_processes(mut self) -> Self {
        self.in_processes = true;
        self
    }

    /// Only these departments are open at first.
    pub(crate) fn offices<const N: usize>(mut self, names: [&'static str; N]) -> Self {
        self.offices = Some(names.into());
        self
    }

    /// A service's store gets a disk of its own, of so many megabytes.
    pub(crate) fn disk(mut self, name: &'static str, megabytes: u32) -> Self {
        self.disks.push((name, megabytes));
        self
    }

    /// Builds the town and starts everybody.
    pub(crate) async fn open(self) -> Town {
        self.open_if_it_can()
            .await
            .expect("a town without disks of its own")
    }

    /// As [`open`](Self::open); none where this process may not mount the disks.
    pub(crate) async fn open_if_it_can(self) -> Option<Town> {
        let ground = Ground::found(&self.broker_settings, &self.office_settings);
        for (words, others) in self.birth_rules {
            ground.edit_birth(words, others);
        }
        let desk = ground.credentials(Role::Desk, "desk-mau-mot");
        let caller = Caller::new(desk, ground.address(BROKER), broker_identity());
        let mut disks = BTreeMap::new();
        for (name, megabytes) in self.disks {
            disks.insert(name, Disk::mount(&ground.path(name), megabytes)?);
        }
        let mut town = Town {
            disks,
            window: Arc::new(Window::new(caller, "H99.01.01")),
            in_processes: self.in_processes,
            running: BTreeMap::new(),
            clerks: BTreeMap::new(),
            wish: None,
            ground,
        };
        town.start_broker().await;
        let all = POSTS.iter().map(|post| post.name).collect();
        for name in self.offices.unwrap_or(all) {
            town.start(name).await;
        }
        Some(town)
    }
}

impl Town {
    /// A town with everybody that a birth dossier meets.
    pub(crate) async fn open() -> Self {
        Plan::default().open().await
    }

    /// A town in which only these departments are open.
    pub(crate) async fn with<const N: usize>(offices: [&'static str; N]) -> Self {
        Plan::default().offices(offices).open().await
    }

    pub(crate) fn plan() -> Plan {
        Plan::default()
    }

    /// The one-stop desk of the first commune.
    pub(crate) fn desk(&self) -> &Arc<Window> {
        &self.window
    }

    /// The clerk of a department, who is the same over all lives of the office.
    pub(crate) fn clerk(&mut self, office: &'static str) -> Clerk {
        self.clerks.entry(office).or_insert_with(Clerk::new).clone()
    }

    /// Opens a department.
    pub(crate) async fn start(&mut self, office: &'static str) {
        self.try_start(office)
            .await
            .unwrap_or_else(|how| panic!("the {office} ended: {how}"));
    }

    /// Opens a department, or starts the broker, that may not be able to.
    pub(crate) async fn try_start(&mut self, name: &'static str) -> Result<(), String> {
        if name == BROKER {
            self.try_start_broker(false).await
        } else {
            self.try_open(name).await
        }
    }

    async fn try_open(&mut self, office: &'static str) -> Result<(), String> {
        let post = post(office);
        let (path, address) = (self.path(format!("{office}.toml")), self.address(office));
        let log = self.log(office);
        let mut party = if self.in_processes {
            Party::in_process(office, "department", &path, &log)
        } else {
            let clerk = Arc::new(self.clerk(post.name));
            Party::in_thread(office, &log, move |shutdown| {
                Box::pin(async move {
                    let config =
                        department::Config::load(&path).map_err(|error| error.to_string())?;
                    again_while_in_use(|| async {
                        let listener = TcpListener::bind(address)
                            .await
                            .map_err(|e| e.to_string())?;
                        department::run(config.clone(), listener, shutdown.clone(), clerk.clone())
                            .await
                            .map_err(|error| error.to_string())
                    })
                    .await
                })
            })
        };
        let identity = Identity::new(TRUST_DOMAIN, Role::Department, post.system).unwrap();
        self.opened(&mut party, address, identity).await?;
        self.running.insert(post.name, party);
        Ok(())
    }

    /// Starts the broker.
    pub(crate) async fn start_broker(&mut self) {
        self.try_start_broker(false)
            .await
            .unwrap_or_else(|how| panic!("the broker ended: {how}"));
    }

    /// Starts the broker on a store that was restored from an older copy.
    pub(crate) async fn start_broker_restored(&mut self) {
        self.try_start_broker(true)
            .await
            .unwrap_or_else(|how| panic!("the broker ended: {how}"));
    }

    async fn opened(
        &self,
        party: &mut Party,
        address: SocketAddr,
        identity: Identity,
    ) -> Result<(), String> {
        let operator = self.ground.credentials(Role::Operator, "operator");
        let watcher = Caller::new(operator, address, identity);
        party.opened(async || watcher.serves().await).await
    }

    async fn try_start_broker(&mut self, restored: bool) -> Result<(), String> {
        let (path, address) = (self.path("broker.toml"), self.address(BROKER));
        let log = self.log(BROKER);
        let (wish, wishes) = mpsc::channel(1);
        self.wish = Some(wish);
        let mut party = if self.in_processes {
            assert!(
                !restored,
                "only a broker in this process can be told that it was restored"
            );
            Party::in_process(BROKER, BROKER, &path, &log)
        } else {
            Party::in_thread(BROKER, &log, move |shutdown| {
                Box::pin(run_broker(path, restored, shutdown, wishes))
            })
        };
        self.opened(&mut party, address, broker_identity()).await?;
        self.running.insert(BROKER, party);
        Ok(())
    }

    /// Opens a department, or starts the broker.
    pub(crate) async fn start_any(&mut self, name: &'static str) {
        self.try_start(name)
            .await
            .unwrap_or_else(|how| panic!("the {name} ended: {how}"));
    }

    /// The disk of a service that has one of its own.
    pub(crate) fn disk(&self, name: &str) -> &Disk {
        &self.disks[name]
    }

    /// Lets every write of a process into a file fail from now on.
    pub(crate) fn refuse_writes(&self, name: &str) {
        self.running[name].refuse_writes();
    }

    /// Waits until a service has ended although nobody ended it.
    pub(crate) async fn ends_by_itself(&mut self, name: &'static str) {
        let party = self
            .running
            .remove(name)
            .unwrap_or_else(|| panic!("{name} does not run"));
        party.ends_by_itself().await;
    }

    /// Closes a department, or the broker, in good order.
    pub(crate) async fn stop(&mut self, name: &'static str) {
        self.running
            .remove(name)
            .unwrap_or_else(|| panic!("{name} does not run"))
            .stop()
            .await;
        self.let_go(name).await;
    }

    /// Ends a department, or the broker, without asking.
    pub(crate) async fn kill(&mut self, name: &'static str) {
        self.running
            .remove(name)
            .unwrap_or_else(|| panic!("{name} does not run"))
            .kill()
            .await;
        self.let_go(name).await;
    }

    /// Waits until nothing of a service that ended in this process has a file of its store open.
    async fn let_go(&self, name: &str) {
        let folder = self.path(name);
        until(&format!("the {name} to let go of its store"), || async {
            let Ok(open) = std::fs::read_dir("/proc/self/fd") else {
                return Some(());
            };
            let mut files = open
                .flatten()
                .filter_map(|file| std::fs::read_link(file.path()).ok());
            (!files.any(|file| file.starts_with(&folder))).then_some(())
        })
        .await;
    }

    /// Stops the broker in good order and starts it again.
    pub(crate) async fn restart_broker(&mut self) {
        self.stop(BROKER).await;
        self.start_broker().await;
    }

    /// What a service logged over all its lives.
    pub(crate) fn log(&self, name: &str) -> Log {
        Log::new(&self.path(format!("logs/{name}.log")))
    }

    /// Bytes of memory that the process of a service has.
    pub(crate) fn memory_bytes(&self, name: &str) -> u64 {
        self.running[name].memory_bytes()
    }

    /// Puts a copy of one folder in the place of another.
    pub(crate) fn copy_folder(&self, from: &str, to: &str) {
        let (from, to) = (self.path(from), self.path(to));
        let _ = std::fs::remove_dir_all(&to);
        copy(&from, &to);
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.ground.path(name)
    }

    /// Where a service listens, or would listen.
    pub(crate) fn address(&self, name: &str) -> SocketAddr {
        self.ground.address(name)
    }

    /// A system with a good certificate of this town, calling the broker.
    pub(crate) fn caller(&self, role: Role, code: &str) -> Caller {
        self.caller_with(self.ground.credentials(role, code))
    }

    /// Whoever shows these credentials, calling the broker.
    pub(crate) fn caller_with(&self, credentials: Credentials) -> Caller {
        Caller::new(credentials, self.address(BROKER), broker_identity())
    }

    /// The system of a department, calling the broker.
    pub(crate) fn system_of(&self, office: &str) -> Caller {
        self.caller(Role::Department, post(office).system)
    }

    /// An operator.
    pub(crate) fn operator(&self) -> Caller {
        self.caller(Role::Operator, "operator")
    }

    /// A system with a good certificate, calling a department.
    pub(crate) fn caller_at(&self, office: &str, role: Role, code: &str) -> Caller {
        let identity = Identity::new(TRUST_DOMAIN, Role::Department, post(office).system).unwrap();
        Caller::new(
            self.ground.credentials(role, code),
            self.address(office),
            identity,
        )
    }

    /// The broker's door, for strangers.
    pub(crate) fn door(&self) -> Door {
        let authority_pem = self.ground.authority_pem().to_owned();
        Door {
            address: self.address(BROKER),
            authority_pem,
        }
    }

    /// An operator, asking a department how it does.
    pub(crate) fn watcher_of(&self, office: &str) -> Caller {
        self.caller_at(office, Role::Operator, "operator")
    }

    /// An operator moves a step of an open dossier, and is told its round.
    pub(crate) async fn move_step(
        &self,
        request_id: &str,
        dossier: &Filed,
        step_id: &str,
        to: &str,
    ) -> Result<u32, Status> {
        let request = v1::MoveStepRequest {
            request_id: request_id.into(),
            dossier_code: dossier.code.clone(),
            step_id: step_id.into(),
            to_agency_code: to.into(),
            reason: "thuộc địa bàn khác".into(),
        };
        let moved = self.operator().operator().move_step(request).await?;
        Ok(moved.into_inner().round)
    }

    /// A department played by the test, word by word.
    pub(crate) fn puppet(&self, office: &'static str) -> Puppet {
        self.puppet_as(office, post(office).system)
    }

    /// As [`puppet`](Self::puppet), with the certificate of this system.
    pub(crate) fn puppet_as(&self, office: &'static str, system: &str) -> Puppet {
        let credentials = self.ground.credentials(Role::Department, system);
        let address = self.address(office);
        let (caller, log) = (self.system_of(office), self.log(office));
        Puppet::open(post(office), credentials, address, caller, &log)
    }

    /// Somebody at a department's address who takes the line with its certificate and says nothing.
    pub(crate) async fn mute(&self, office: &str) -> Listener {
        let credentials = self
            .ground
            .credentials(Role::Department, post(office).system);
        let limits = ListenerLimits::default();
        Listener::bind(self.address(office), &credentials, limits)
            .await
            .unwrap()
    }

    /// Denies a certificate from now on.
    pub(crate) fn deny(&self, issued: &Issued) {
        let identity = self.ground.credentials_of(issued);
        self.ground
            .write("denied.txt", &format!("{}\n", identity.own().serial));
    }

    /// Changes the directory and lets the broker read it.
    pub(crate) async fn change_directory(&self, edit: impl FnOnce(&mut toml::Table)) {
        self.ground.edit_directory(edit);
        let (told, answer) = oneshot::channel();
        let wish = self.wish.as_ref().expect("the broker runs");
        wish.send(told)
            .await
            .expect("the broker runs in this process");
        answer
            .await
            .expect("the broker runs")
            .expect("a sound directory");
    }

    /// Waits until the broker has logged a line with these words, and sees that it is the only one.
    pub(crate) async fn is_logged_once(&self, words: &str) {
        let log = self.log(BROKER);
        let lines = until(
            &format!("a line with {words} in the broker's log"),
            || async {
                let lines = log.lines_with(words);
                (!lines.is_empty()).then_some(lines)
            },
        )
        .await;
        assert_eq!(lines.len(), 1, "{lines:#?}");
    }

    /// The incidents that the operator sees.
    pub(crate) async fn incidents(&self) -> Vec<v1::Incident> {
        let request = v1::ListIncidentsRequest {
            include_closed: true,
            ..Default::default()
        };
        self.operator()
            .operator()
            .list_incidents(request)
            .await
            .unwrap()
            .into_inner()
            .incidents
    }

    /// Waits until every incident with this cause is over, and gives them.
    pub(crate) async fn incidents_settled(&self, cause: &str) -> Vec<v1::Incident> {
        until(&format!("all incidents {cause} to be over"), || async {
            let mut found = self.incidents().await;
            found.retain(|incident| incident.cause == cause);
            found
                .iter()
                .all(|incident| incident.closed_at.is_some())
                .then_some(found)
        })
        .await
    }

    /// Waits for an incident with this cause.
    pub(crate) async fn incident(&self, cause: &str) -> v1::Incident {
        until(&format!("an incident {cause}"), || async {
            self.incidents()
                .await
                .into_iter()
                .find(|incident| incident.cause == cause)
        })
        .await
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for name in [BROKER]
                .into_iter()
                .chain(POSTS.iter().map(|post| post.name))
                .chain(["desk"])
            {
                eprintln!("——— {name} ———\n{}", self.log(name).text());
            }
        }
    }
}

pub(crate) fn broker_identity() -> Identity {
    Identity::new(TRUST_DOMAIN, Role::Broker, BROKER).unwrap()
}

/// A department of the sample province.
pub(crate) fn post(office: &str) -> Post {
    let mut posts = POSTS.into_iter().chain([OTHER_POLICE, HOSPITAL]);
    posts
        .find(|post| post.name == office)
        .unwrap_or_else(|| panic!("the town has no {office}"))
}

pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Asks the broker to read the directory again, and says how that went.
type Reread = oneshot::Sender<Result<(), String>>;

async fn run_broker(
    config: PathBuf,
    restored: bool,
    shutdown: Shutdown,
    mut wishes: mpsc::Receiver<Reread>,
) -> Result<(), String> {
    let config = broker::Config::load(&config).map_err(|error| error.to_string())?;
    let running = again_while_in_use(|| async {
        let (config, shutdown) = (config.clone(), shutdown.clone());
        let started = if restored {
            broker::start_restored(config, shutdown).await
        } else {
            broker::start(config, shutdown).await
        };
        started.map_err(|error| error.to_string())
    })
    .await?;
    loop {
        tokio::select! {
            () = shutdown.triggered() => break,
            Some(told) = wishes.recv() => {
                let read = running.read_again().await.map_err(|error| error.to_string());
                let _ = told.send(read);
            }
        }
    }
    running.ended().await.map_err(|error| error.to_string())
}

/// A service that was killed may hold its store for a moment longer.
async fn again_while_in_use<T, F>(run: impl Fn() -> F) -> Result<T, String>
where
    F: Future<Output = Result<T, String>>,
{
    loop {
        match run().await {
            Err(error) if error.contains("in use by another process") => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            ended => return ended,
        }
    }
}
