//! The way of a commit through the weather: when it is decided, when the answer comes, and whether that is the truth.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::{Event, Weather};
use crate::commit::{Committed, Core, Refusal, Request};
use crate::error::Error;
use crate::future::{Future, Outcome};
use crate::watch::Completion;

/// How a commit goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// As the database decides.
    Fair,
    /// It is not tried.
    Refused(Error),
    /// It is tried, and the answer does not tell what came of it.
    Untold(Error),
}

pub struct Passage {
    pub(super) weather: Arc<Weather>,
    pub(super) verdict: Verdict,
    /// From the call to the decision, from there to the answer, and to those who are told of what was done.
    pub(super) decided: Duration,
    pub(super) answered: Duration,
    pub(super) told: Duration,
    pub(super) event: Event,
}

impl Passage {
    /// Has the commit decided in its time, after the reads that it waits for.
    pub fn submit(
        self: &Arc<Self>,
        core: &Arc<Core>,
        request: Request,
        reads_end: Option<Instant>,
    ) {
        let now = self.weather.now();
        let time = reads_end.map_or(now, |end| end.max(now)) + self.decided;
        // Weakly: the timeline, which is the core's, would keep the core.
        let (passage, core) = (Arc::clone(self), Arc::downgrade(core));
        self.weather.ask(time, None, move || passage.decide(&core, request));
    }

    fn decide(&self, core: &Weak<Core>, request: Request) {
        let Some(core) = core.upgrade() else { return };
        let completions = match self.verdict {
            Verdict::Fair | Verdict::Untold(_) => core.commit(vec![request]),
            Verdict::Refused(error) => {
                let fault = (request.report_conflicts && error == Error::NOT_COMMITTED)
                    .then(|| request.reads.iter().next())
                    .flatten();
                let conflicts = fault.map(|(begin, end)| (begin.to_vec(), end.to_vec()));
                let refusal = Refusal { error, conflicts: conflicts.into_iter().collect() };
                let mut completions = Vec::new();
                request.ticket.settle(Err(refusal), &core, &mut completions);
                completions
            }
        };
        self.tell(completions);
    }

    /// What the transaction gets to know of the decision.
    pub fn result(
        &self,
        decision: std::result::Result<Committed, Refusal>,
    ) -> std::result::Result<Committed, Refusal> {
        match (self.verdict, decision) {
            (Verdict::Untold(error), Ok(_)) => Err(error.into()),
            (_, decision) => decision,
        }
    }

    /// Answers the commit itself.
    pub fn answer(&self, future: Arc<Future>, outcome: Outcome) {
        let note = match self.verdict {
            Verdict::Untold(error) if outcome.as_ref().err() == Some(&error) => "it did commit",
            Verdict::Refused(Error::COMMIT_UNKNOWN_RESULT | Error::CLUSTER_VERSION_CHANGED) => {
                "it did not commit"
            }
            Verdict::Refused(_) => "by the weather",
            _ => "",
        };
        let event = Event { note, ..self.event.clone() };
        self.weather.answer_at(self.weather.now() + self.answered, future, outcome, event);
    }

    /// Answers watches that the commit has fired, and who asked for its versionstamp.
    fn tell(&self, completions: Vec<Completion>) {
        let time = self.weather.now() + self.answered.max(self.told);
        for (future, outcome) in completions {
            let event = Event { what: "told of the commit", ..self.event.clone() };
            self.weather.answer_at(time, future, outcome, event);
        }
    }
}
