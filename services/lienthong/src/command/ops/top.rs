//! A live screen of departments, flow and incidents.

mod model;
mod screen;

use self::model::{Deed, Model, Press, Seen, Wish};
use super::{
    Ending, departments, incidents,
    line::{Line, OperatorArgs},
    shown::News,
};
use anyhow::{Context as _, bail};
use clap::Args;
use contract::v1::{OverviewRequest, RedriveIncidentsRequest, RetryNowRequest};
use node::fault::Fault;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use std::{
    io::{self, IsTerminal as _},
    time::Duration,
};
use tokio::sync::mpsc;
use tonic::Status;

/// How often it is looked although nothing was told: verdicts come all the time.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);
/// Between two looks, at least.
const APART: Duration = Duration::from_millis(400);
/// Incidents that are shown.
const INCIDENTS_SHOWN_MAX: usize = 500;
/// Keys that wait to be seen.
const KEYS_MAX: usize = 64;
/// How often the reader of keys sees whether it is still wanted.
const KEY_WAIT: Duration = Duration::from_millis(200);

/// Show departments, flow and incidents live: tab switches, arrows choose, r tries again, q ends.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lienthong ops top")]
pub(crate) struct TopCommand {
    #[command(flatten)]
    operator: OperatorArgs,
}

impl TopCommand {
    pub(super) async fn run(self) -> anyhow::Result<Ending> {
        if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
            bail!("this needs a terminal; `lienthong ops departments --watch` does not");
        }
        let line = self.operator.connect()?;
        // Whoever may not look, or cannot reach the broker, hears it before the screen is taken.
        let first = look(&line).await?;
        let terminal = ratatui::try_init().context("the terminal cannot be taken")?;
        // The terminal is given back whatever happens; a panic gives it back by itself.
        let ended = live(terminal, line, first).await;
        ratatui::try_restore().context("the terminal was not given back; type `reset`")?;
        ended.map(|()| Ending::Fine)
    }
}

async fn live(
    mut terminal: ratatui::DefaultTerminal,
    line: Line,
    first: Seen,
) -> anyhow::Result<()> {
    let mut model = Model::default();
    model.see(first);
    let mut keys = keys();
    let (tell, mut seen) = mpsc::channel(1);
    let looking = tokio::spawn(keep_looking(line.clone(), tell));
    let (answer, mut answers) = mpsc::channel(1);
    let ended = loop {
        terminal.draw(|frame| screen::draw(frame, &mut model))?;
        tokio::select! {
            key = keys.recv() => {
                let Some(key) = key else { break Ok(()) };
                match model.press(key) {
                    Wish::Nothing => {}
                    Wish::Quit => break Ok(()),
                    Wish::Do(deed) => {
                        let (line, answer) = (line.clone(), answer.clone());
                        tokio::spawn(async move {
                            // Nobody listens any more when the screen is gone.
                            let _ = answer.send(act(line, deed).await).await;
                        });
                    }
                }
            }
            Some(told) = answers.recv() => model.tell(told),
            looked = seen.recv() => match looked {
                Some(Ok(seen)) => model.see(seen),
                Some(Err(error)) if super::ending_of(&error) == Ending::BrokerAway => model.miss(),
                Some(Err(error)) => break Err(error),
                None => break Ok(()),
            },
        }
    };
    looking.abort();
    ended
}

/// What is there now.
async fn look(line: &Line) -> anyhow::Result<Seen> {
    let page = line.clone().overview(OverviewRequest {}).await;
    Ok(Seen {
        page: page.context("page one was not told")?.into_inner(),
        departments: departments::all(line, "").await?,
        incidents: incidents::list(line, false, "", INCIDENTS_SHOWN_MAX).await?,
    })
}

/// Looks whenever something changes, and now and then.
async fn keep_looking(line: Line, tell: mpsc::Sender<anyhow::Result<Seen>>) {
    let mut news = News::new(line.clone());
    loop {
        // What is wrong with hearing of news is wrong with looking, too, and told there.
        let _ = tokio::time::timeout(LOOK_INTERVAL, news.next()).await;
        if tell.send(look(&line).await).await.is_err() {
            return;
        }
        tokio::time::sleep(APART).await;
    }
}

/// Does what the operator confirmed, and says how it went.
async fn act(mut line: Line, deed: Deed) -> String {
    let went = match deed {
        Deed::Retry { agency, reason } => {
            let request = RetryNowRequest {
                agency_code: agency.clone(),
                reason,
                dossier_code: String::new(),
            };
            let tried = line.retry_now(request).await;
            tried.map(|tried| {
                format!(
                    "{agency}: {} rounds are tried now",
                    tried.into_inner().rounds
                )
            })
        }
        Deed::Redrive { incident, reason } => {
            let request = RedriveIncidentsRequest {
                incident_ids: vec![incident],
                reason,
            };
            redrive(&mut line, request).await
        }
    };
    went.unwrap_or_else(|status| {
        let text = Fault::text_of(&status, "en");
        text.unwrap_or_else(|| status.message().to_owned())
    })
}

async fn redrive(line: &mut Line, request: RedriveIncidentsRequest) -> Result<String, Status> {
    let mut answers = line.redrive_incidents(request).await?.into_inner();
    let answer = answers.message().await?.unwrap_or_default();
    let text = answer.text.unwrap_or_default();
    Ok(format!("incident {}: {}", answer.incident_id, text.en))
}

/// The keys that are pressed, read by a thread of their own.
fn keys() -> mpsc::Receiver<Press> {
    let (send, keys) = mpsc::channel(KEYS_MAX);
    std::thread::spawn(move || {
        while !send.is_closed() {
            let pressed = match event::poll(KEY_WAIT) {
                Ok(false) => continue,
                Ok(true) => event::read(),
                Err(error) => Err(error),
            };
            let press = match pressed {
                Ok(Event::Key(key)) if key.kind != KeyEventKind::Release => press(key),
                Ok(Event::Resize(..)) => Press::Other,
                Ok(_) => continue,
                Err(_) => return,
            };
            if send.blocking_send(press).is_err() {
                return;
            }
        }
    });
    keys
}

fn press(key: KeyEvent) -> Press {
    match (key.code, key.modifiers.contains(KeyModifiers::CONTROL)) {
        (KeyCode::Char('c'), true) => Press::Interrupt,
        (KeyCode::Char(letter), false) => Press::Letter(letter),
        (KeyCode::Up, _) => Press::Up,
        (KeyCode::Down, _) => Press::Down,
        (KeyCode::Tab | KeyCode::Right, _) => Press::Next,
        (KeyCode::BackTab | KeyCode::Left, _) => Press::Before,
        (KeyCode::Enter, _) => Press::Enter,
        (KeyCode::Esc, _) => Press::Escape,
        (KeyCode::Backspace, _) => Press::Erase,
        _ => Press::Other,
    }
}
