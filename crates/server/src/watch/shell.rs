//! What drives the model: the connection, the terminal and the clock. It decides nothing.

use std::{io, time::Duration};

use crossterm::event::{Event as TerminalEvent, EventStream, KeyEventKind};
use futures_util::StreamExt;
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};
use unionflow_client::{ClientError, DashboardBloc, RealtimeClient};
use unionflow_protocol::rest::approval::{Approve, Reject};

use super::{
    Viewer,
    known::look_up,
    model::{Decision, Effect, Input, Model, Verdict},
    screen::{self, Palette},
    terminal::Taken,
};

/// The screen is drawn at most once in this time: a flood of news costs no more than a film.
const FRAME: Duration = Duration::from_millis(16);
/// How long the server is given to hear a good-bye.
const GOODBYE: Duration = Duration::from_millis(500);

struct Shell<'a> {
    viewer: &'a Viewer,
    client: &'a RealtimeClient,
    bloc: &'a DashboardBloc,
    /// Questions and decisions that are on their way.
    asked: JoinSet<Input>,
}

/// Shows the dashboard until the person leaves, or somebody ends the program.
pub(crate) async fn on_screen(viewer: &Viewer) -> io::Result<()> {
    let client = viewer.realtime();
    let bloc = DashboardBloc::new(&client, viewer.rest.clone());
    let shell = Shell { viewer, client: &client, bloc: &bloc, asked: JoinSet::new() };
    let outcome = shell.run().await;
    bloc.close().await;
    let _ = timeout(GOODBYE, client.close()).await;
    outcome
}

impl Shell<'_> {
    async fn run(mut self) -> io::Result<()> {
        let mut ends = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()].map(signal);
        let [Ok(terminate), Ok(interrupt), Ok(hangup)] = &mut ends else {
            return Err(io::Error::other("signals cannot be caught"));
        };
        let (mut events, mut statuses, mut states) =
            (self.client.events(), self.client.statuses(), self.bloc.states());
        let mut model = Model::new(self.viewer.language, &self.viewer.organization, &self.viewer.login);
        let palette = Palette { colours: has_colours() };
        let started = Instant::now();
        let mut terminal = Taken::take()?;
        let mut typed = EventStream::new();
        self.bloc.load(self.viewer.organization_id).await;
        self.client.connect().await;
        let (mut is_drawn, mut next_frame) = (false, started);
        loop {
            while let Some(effect) = model.poll_effect() {
                if effect == Effect::Leave {
                    return Ok(());
                }
                self.perform(effect).await;
            }
            if !is_drawn && Instant::now() >= next_frame {
                terminal.draw(|area, buffer| screen::draw(&model, palette, area, buffer))?;
                (is_drawn, next_frame) = (true, Instant::now() + FRAME);
            }
            let due = model.next_deadline().map(|due| started + due);
            // Every branch is cancel-safe. Keys come first: whoever wants to leave is not kept by a flood.
            let input = tokio::select! {
                biased;
                _ = terminate.recv() => return Ok(()),
                _ = interrupt.recv() => return Ok(()),
                _ = hangup.recv() => return Ok(()),
                event = typed.next() => match event {
                    Some(Ok(TerminalEvent::Key(key))) if key.kind != KeyEventKind::Release => Some(Input::Key(key)),
                    Some(Ok(TerminalEvent::Paste(text))) => Some(Input::Pasted(text)),
                    Some(Ok(_)) => Some(Input::Tick),
                    Some(Err(error)) => return Err(error),
                    None => return Ok(()),
                },
                () = sleep_until(next_frame), if !is_drawn => None,
                Some(done) = self.asked.join_next() => done.ok(),
                Some(state) = states.next() => Some(Input::Dashboard(state)),
                Some(status) = statuses.next() => Some(Input::Connection(status)),
                Some(message) = events.recv() => Some(Input::Told(message)),
                () = sleep_until(due.unwrap_or(started)), if due.is_some() => Some(Input::Tick),
            };
            if let Some(input) = input {
                model.handle(started.elapsed(), input);
                is_drawn = false;
            }
        }
    }

    async fn perform(&mut self, effect: Effect) {
        let rest = self.viewer.rest.clone();
        match effect {
            Effect::Leave => {}
            Effect::Refresh => {
                self.bloc.refresh().await;
                self.client.network_is_back().await;
            }
            Effect::LookUp(wanted) => {
                let organization_id = self.viewer.organization_id;
                self.asked.spawn(async move { Input::Found(look_up(&rest, organization_id, wanted).await) });
            }
            Effect::Decide(decision) => {
                self.asked.spawn(async move {
                    let answer = decide(&rest, &decision).await;
                    Input::Decided(decision, answer)
                });
            }
        }
    }
}

/// Bound to what was on the screen: a request that was edited meanwhile is refused.
async fn decide(rest: &unionflow_client::rest::RestClient, decision: &Decision) -> Result<(), ClientError> {
    let content_hash = Some(decision.content_hash.clone());
    let answer = match &decision.verdict {
        Verdict::Approve => rest.approve(decision.id, &Approve { comment: None, content_hash }).await,
        Verdict::Reject { reason } => {
            rest.reject(decision.id, &Reject { reason: reason.clone(), content_hash }).await
        }
    };
    answer.map(drop)
}

/// Not where somebody wants none: <https://no-color.org>.
fn has_colours() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
