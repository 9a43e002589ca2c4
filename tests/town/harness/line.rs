//! A line between two processes that passes through this one, so that it can be cut, slowed, narrowed,
//! or left hanging at one end while the other dials anew.

use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    time::sleep,
};

/// Bytes that are carried at once.
const PIECE_BYTES: usize = 16 * 1024;
/// How long an end that was left hanging believes in its connection: longer than every silence.
const HANGS: Duration = Duration::from_secs(6);

/// How a line behaves.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mood {
    /// Nobody gets through.
    pub(super) dead: bool,
    /// How long each piece is on its way.
    pub(super) delay: Duration,
    /// Bytes a second; 0 is no limit.
    pub(super) rate: u64,
    /// How often it was cut; a change cuts what is open.
    cuts: u64,
    /// A cut is seen by who dialled alone: the other end believes in a connection that is gone, and
    /// has two of one peer as soon as that dials anew.
    hangs: bool,
}

/// See the module. Dropping it cuts everything.
pub(super) struct Line {
    pub(super) address: SocketAddr,
    mood: watch::Sender<Mood>,
}

impl Line {
    /// A line to `target`, on a port that the system picked.
    pub(super) async fn lay(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (mood, watching) = watch::channel(Mood::default());
        tokio::spawn(take(listener, target, watching));
        Self { address, mood }
    }

    /// Changes how it behaves from now on.
    pub(super) fn set(&self, change: impl FnOnce(&mut Mood)) {
        self.mood.send_modify(change);
    }

    /// Cuts every connection at both ends, in the middle of whatever is on its way.
    pub(super) fn cut(&self) {
        self.set(|mood| (mood.cuts, mood.hangs) = (mood.cuts + 1, false));
    }

    /// Cuts every connection for who dialled; the other end is left with it.
    pub(super) fn leave_hanging(&self) {
        self.set(|mood| (mood.cuts, mood.hangs) = (mood.cuts + 1, true));
    }

    /// Behaves well again.
    pub(super) fn mend(&self) {
        self.set(|mood| (mood.dead, mood.delay, mood.rate) = (false, Duration::ZERO, 0));
    }
}

async fn take(listener: TcpListener, target: SocketAddr, mood: watch::Receiver<Mood>) {
    let mut ended = mood.clone();
    loop {
        let taken = tokio::select! {
            taken = listener.accept() => taken,
            gone = ended.wait_for(|_| false) => { drop(gone); return }
        };
        if let Ok((dialled, _)) = taken
            && !mood.borrow().dead
        {
            tokio::spawn(carry(dialled, target, mood.clone()));
        }
    }
}

async fn carry(dialled: TcpStream, target: SocketAddr, mut mood: watch::Receiver<Mood>) {
    let Ok(listening) = TcpStream::connect(target).await else {
        return;
    };
    for socket in [&dialled, &listening] {
        let _ = socket.set_nodelay(true);
    }
    let cuts = mood.borrow().cuts;
    let (from_dialled, to_dialled) = dialled.into_split();
    let (from_listening, to_listening) = listening.into_split();
    let forth = tokio::spawn(pump(from_dialled, to_listening, mood.clone()));
    let back = tokio::spawn(pump(from_listening, to_dialled, mood.clone()));
    let (stop_forth, stop_back) = (forth.abort_handle(), back.abort_handle());
    let hangs = tokio::select! {
        _ = async { tokio::join!(forth, back) } => return,
        cut = mood.wait_for(|mood| mood.cuts != cuts || mood.dead) => cut.is_ok_and(|mood| mood.hangs),
    };
    if hangs {
        // What the listener still says is read and lost; its own end stays open.
        stop_back.abort();
        sleep(HANGS).await;
    }
    stop_forth.abort();
    stop_back.abort();
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mood: watch::Receiver<Mood>) {
    let mut piece = vec![0; PIECE_BYTES];
    while let Ok(bytes @ 1..) = from.read(&mut piece).await {
        let Mood { delay, rate, .. } = *mood.borrow();
        let narrow = match rate {
            0 => Duration::ZERO,
            rate => Duration::from_secs_f64(bytes as f64 / rate as f64),
        };
        if delay + narrow > Duration::ZERO {
            sleep(delay + narrow).await;
        }
        if to.write_all(&piece[..bytes]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}
