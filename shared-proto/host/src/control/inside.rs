//! The same conversation inside the process, without a socket: for parts of a program that run on threads of their own.

use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::server::{Incoming, Reply};
use super::{Refusal, TIME_LIMIT};

/// Asks; as many as there are clones of it.
#[derive(Debug)]
pub struct Asker<Q>(mpsc::Sender<Incoming<Q>>);

/// Brings the questions.
#[derive(Debug)]
pub struct Questions<Q>(mpsc::Receiver<Incoming<Q>>);

/// Both ends. Questions beyond `waiting` wait in their askers.
#[must_use]
pub fn inside<Q>(waiting: usize) -> (Asker<Q>, Questions<Q>) {
    let (sender, receiver) = mpsc::channel(waiting.max(1));
    (Asker(sender), Questions(receiver))
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The program refused the request; its own words.
    #[error("{0}")]
    Refused(String),
    /// The program is stopping, or too busy to answer within [`TIME_LIMIT`].
    #[error("no answer: it is stopping, or too busy")]
    Silent,
    /// The answer has another shape than was expected.
    #[error("the answer is not understood: {0}")]
    Shape(String),
}

impl<Q> Clone for Asker<Q> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<Q> Asker<Q> {
    /// Asks, and waits at most [`TIME_LIMIT`] for the answer.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub async fn ask<A: DeserializeOwned>(&self, request: Q) -> Result<A, NoAnswer> {
        let exchange = async {
            let (reply, answer) = oneshot::channel();
            self.0.send(Incoming { request, reply: Reply::new(reply) }).await.map_err(|_| NoAnswer::Silent)?;
            answer.await.map_err(|_| NoAnswer::Silent)
        };
        let answer = timeout(TIME_LIMIT, exchange).await.map_err(|_| NoAnswer::Silent)??;
        if let Ok(Refusal { error }) = serde_json::from_slice(&answer) {
            return Err(NoAnswer::Refused(error));
        }
        serde_json::from_slice(&answer).map_err(|error| NoAnswer::Shape(error.to_string()))
    }
}

impl<Q> Questions<Q> {
    /// The next question; never, if nobody is left to ask. Cancel-safe.
    pub async fn next(&mut self) -> Incoming<Q> {
        match self.0.recv().await {
            Some(incoming) => incoming,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn questions_are_answered_refused_or_left() {
        let (asker, mut questions) = inside::<u32>(1);
        let answering = async {
            let Incoming { request, reply } = questions.next().await;
            reply.send(&(request + 1));
            questions.next().await.reply.refuse("too many");
            drop(questions.next().await);
        };
        let asking = async {
            assert_eq!(asker.ask(1).await, Ok(2));
            assert_eq!(asker.ask::<u32>(2).await, Err(NoAnswer::Refused("too many".into())));
            assert_eq!(asker.ask::<u32>(3).await, Err(NoAnswer::Silent));
        };
        tokio::join!(answering, asking);
        drop(questions);
        assert_eq!(asker.ask::<u32>(4).await, Err(NoAnswer::Silent));
    }
}
