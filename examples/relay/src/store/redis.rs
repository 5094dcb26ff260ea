//! Sign-ins in Valkey or Redis: for any number of instances behind one name.
//!
//! Each operation is one script, which the server runs as a whole. Every key has an expiry. One server with its
//! replicas, not a cluster: the scripts go from a code to its mailbox.

use std::{future::Future, time::Duration};

use redis::{
    Client, FromRedisValue, ProtocolVersion, PushInfo, PushKind, RedisError, Script, ScriptInvocation, Value,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use tokio::sync::mpsc::{self, UnboundedReceiver};

use crate::{
    store::{
        Closed, Ending, Entry, Later, Mailbox, Name, Opened, Paired, Pairing, Phase, Rules, Store, Tag,
        Taken, Unavailable,
    },
    waiters::Waiters,
};

/// Keeps sign-ins in a server that all instances share.
pub struct Redis {
    rules: Rules,
    server: ConnectionManager,
    scripts: Scripts,
}

struct Scripts {
    open: Script,
    pair: Script,
    respond: Script,
    take: Script,
    given: Script,
    close: Script,
}

impl Redis {
    /// Connects; from then on it connects again by itself. `waiters` are woken by what other instances do.
    pub async fn connect(url: &str, rules: Rules, waiters: Waiters) -> Result<Self, RedisError> {
        let client = Client::open(url)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE))
            .set_max_delay(Duration::from_millis(500))
            .set_number_of_retries(RETRIES);
        let server = ConnectionManager::new_with_config(client, config.clone()).await?;
        let (sender, heard) = mpsc::unbounded_channel();
        let config = config.set_push_sender(sender).set_automatic_resubscription();
        let info = Client::open(url)?.get_connection_info().clone();
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let mut ear =
            ConnectionManager::new_with_config(Client::open(info.set_redis_settings(settings))?, config)
                .await?;
        ear.subscribe(CHANNEL).await?;
        tokio::spawn(listen(ear, heard, waiters));
        let scripts = Scripts {
            open: Script::new(include_str!("redis/open.lua")),
            pair: Script::new(include_str!("redis/pair.lua")),
            respond: Script::new(include_str!("redis/respond.lua")),
            take: Script::new(include_str!("redis/take.lua")),
            given: Script::new(include_str!("redis/given.lua")),
            close: Script::new(include_str!("redis/close.lua")),
        };
        Ok(Self { rules, server, scripts })
    }

    async fn run<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, Unavailable> {
        twice(async || script.invoke_async(&mut self.server.clone()).await).await
    }
}

impl Store for Redis {
    fn open<'s>(&'s self, mailbox: &'s Name, entry: Entry) -> Later<'s, Opened> {
        Box::pin(async move {
            let mut script = self.scripts.open.prepare_invoke();
            script
                .key(key("mailbox:", mailbox))
                .key(key("proof:", &entry.code))
                .key(key("proof:", &entry.token));
            script.arg(&mailbox[..]).arg(&entry.device[..]).arg(&entry.browser[..]).arg(&entry.code[..]);
            script.arg(&entry.token[..]).arg(&entry.wrapped[..]).arg(&entry.sealed);
            script.arg(self.rules.mailbox).arg(self.rules.code).arg(PREFIX);
            let said: Vec<Value> = self.run(&script).await?;
            match said.as_slice() {
                [word, life] if is(word, "done") => Ok(Opened::Done(read(life)?)),
                [word] if is(word, "clash") => Ok(Opened::Clash),
                [word] if is(word, "foreign") => Ok(Opened::Foreign),
                [word] if is(word, "paired") => Ok(Opened::Paired),
                _ => Err(Unavailable),
            }
        })
    }

    fn pair(&self, proof: Tag, address: Option<Tag>) -> Later<'_, Pairing> {
        Box::pin(async move {
            let mut script = self.scripts.pair.prepare_invoke();
            script.key(key("proof:", &proof)).key(key("wrong:", b"everywhere"));
            if let Some(address) = &address {
                script.key(key("wrong:", address));
            }
            script.arg(PREFIX).arg(CHANNEL);
            for tries in [&self.rules.everywhere, &self.rules.address] {
                script.arg(tries.free).arg(tries.first).arg(tries.most).arg(tries.memory);
            }
            let said: Vec<Value> = self.run(&script).await?;
            match said.as_slice() {
                [word, seconds] if is(word, "blocked") => Ok(Pairing::Blocked(read(seconds)?)),
                [word, name, wrapped, sealed] if is(word, "done") => {
                    let paired = Paired {
                        mailbox: exact(name)?,
                        wrapped: exact(wrapped)?,
                        sealed: octets(sealed)?.into(),
                    };
                    Ok(Pairing::Done(paired))
                }
                [word] if is(word, "wrong") => Ok(Pairing::Wrong),
                _ => Err(Unavailable),
            }
        })
    }

    fn look<'s>(&'s self, mailbox: &'s Name) -> Later<'s, Option<Mailbox>> {
        Box::pin(async move {
            let mut command = redis::cmd("HMGET");
            command.arg(key("mailbox:", mailbox));
            command.arg(&["phase", "ending", "browser", "code", "token", "sealed"]);
            let said: Vec<Value> =
                twice(async || command.query_async(&mut self.server.clone()).await).await?;
            let [phase, ending, browser, code, token, sealed] = said.as_slice() else {
                return Err(Unavailable);
            };
            let phase = match phase {
                Value::Nil => return Ok(None),
                word if is(word, "waiting") => Phase::Waiting,
                word if is(word, "paired") => Phase::Paired,
                word if is(word, "answered") => Phase::Answered,
                _ => {
                    let ending = std::str::from_utf8(octets(ending)?).ok().and_then(Ending::read);
                    Phase::Over(ending.ok_or(Unavailable)?)
                }
            };
            let sealed = if *sealed == Value::Nil { Vec::new() } else { octets(sealed)?.into() };
            let (browser, code, token) = (exact(browser)?, exact(code)?, exact(token)?);
            Ok(Some(Mailbox { browser, code, token, phase, sealed }))
        })
    }

    fn respond<'s>(&'s self, mailbox: &'s Name, browser: Tag, response: Vec<u8>) -> Later<'s, bool> {
        Box::pin(async move {
            let mut script = self.scripts.respond.prepare_invoke();
            script.key(key("mailbox:", mailbox)).key(key("response:", mailbox));
            script.arg(&mailbox[..]).arg(&browser[..]).arg(&response).arg(self.rules.response).arg(CHANNEL);
            self.run(&script).await
        })
    }

    fn take<'s>(&'s self, mailbox: &'s Name, device: Tag) -> Later<'s, Taken> {
        Box::pin(async move {
            let mut script = self.scripts.take.prepare_invoke();
            script.key(key("mailbox:", mailbox)).key(key("response:", mailbox)).key(key("hand:", mailbox));
            script.arg(&device[..]).arg(self.rules.hand);
            let said: Vec<Value> = self.run(&script).await?;
            match said.as_slice() {
                [word, response] if is(word, "response") => Ok(Taken::Response(octets(response)?.into())),
                [word] if is(word, "foreign") => Ok(Taken::Foreign),
                [word] if is(word, "paired") => Ok(Taken::Paired),
                [word] if is(word, "gone") => Ok(Taken::Gone),
                [word] if is(word, "unknown") => Ok(Taken::Unknown),
                [word] if is(word, "waiting") => Ok(Taken::Waiting),
                _ => Err(Unavailable),
            }
        })
    }

    fn given<'s>(&'s self, mailbox: &'s Name, whole: bool) -> Later<'s, ()> {
        Box::pin(async move {
            let mut script = self.scripts.given.prepare_invoke();
            script.key(key("response:", mailbox)).key(key("hand:", mailbox));
            script.arg(&mailbox[..]).arg(u8::from(whole)).arg(CHANNEL);
            self.run::<u8>(&script).await.map(drop)
        })
    }

    fn close<'s>(&'s self, mailbox: &'s Name, device: Tag, ending: Ending) -> Later<'s, Closed> {
        Box::pin(async move {
            let mut script = self.scripts.close.prepare_invoke();
            script.key(key("mailbox:", mailbox)).key(key("response:", mailbox));
            script.arg(&mailbox[..]).arg(&device[..]).arg(ending.name()).arg(self.rules.ending);
            script.arg(PREFIX).arg(CHANNEL);
            let said: Value = self.run(&script).await?;
            match said {
                word if is(&word, "done") => Ok(Closed::Done),
                word if is(&word, "foreign") => Ok(Closed::Foreign),
                word if is(&word, "unknown") => Ok(Closed::Unknown),
                _ => Err(Unavailable),
            }
        })
    }

    fn ready(&self) -> Later<'_, ()> {
        Box::pin(async move {
            twice(async || redis::cmd("PING").query_async::<Value>(&mut self.server.clone()).await)
                .await
                .map(drop)
        })
    }

    fn count(&self) -> Option<u64> {
        None
    }
}

/// Hears what the other instances do.
async fn listen(mut ear: ConnectionManager, mut heard: UnboundedReceiver<PushInfo>, waiters: Waiters) {
    let mut heartbeat = tokio::time::interval(HEARTBEAT);
    loop {
        let push = tokio::select! {
            push = heard.recv() => push,
            _ = heartbeat.tick() => {
                // A connection that was cut is made again, and subscribed again, when something is said on it.
                let _ = redis::cmd("PING").query_async::<Value>(&mut ear).await;
                continue;
            }
        };
        let Some(push) = push else { return };
        match (push.kind, push.data.last()) {
            (PushKind::Message, Some(Value::BulkString(name))) => {
                if let Ok(name) = name.as_slice().try_into() {
                    waiters.wake(name);
                }
            }
            // What was said while nobody listened is not said again.
            (PushKind::Disconnection | PushKind::Subscribe, _) => waiters.wake_all(),
            _ => {}
        }
    }
}

/// Once more if the connection was cut: nothing here does harm when it happens twice.
async fn twice<T, F: Future<Output = Result<T, RedisError>>>(ask: impl Fn() -> F) -> Result<T, Unavailable> {
    let error = match ask().await {
        Ok(answer) => return Ok(answer),
        Err(error) => error,
    };
    let again = if error.is_connection_dropped() || error.is_io_error() { ask().await } else { Err(error) };
    again.map_err(|error| {
        // Its kind only: the text may repeat what the server was sent.
        tracing::warn!(kind = ?error.kind(), "the store does not answer");
        Unavailable
    })
}

fn key(kind: &str, name: &[u8]) -> Vec<u8> {
    [PREFIX.as_bytes(), kind.as_bytes(), name].concat()
}

fn is(value: &Value, word: &str) -> bool {
    match value {
        Value::BulkString(octets) => octets == word.as_bytes(),
        Value::SimpleString(text) => text == word,
        _ => false,
    }
}

fn octets(value: &Value) -> Result<&[u8], Unavailable> {
    match value {
        Value::BulkString(octets) => Ok(octets),
        _ => Err(Unavailable),
    }
}

fn exact<const N: usize>(value: &Value) -> Result<[u8; N], Unavailable> {
    octets(value)?.try_into().map_err(|_| Unavailable)
}

fn read(value: &Value) -> Result<u64, Unavailable> {
    match value {
        Value::Int(number) => u64::try_from(*number).map_err(|_| Unavailable),
        _ => Err(Unavailable),
    }
}

/// What every key begins with.
pub(super) const PREFIX: &str = "keyfob-relay:1:";

/// Where an instance says which mailbox it changed.
const CHANNEL: &str = "keyfob-relay:1:changed";

/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often an instance looks whether it still hears the others.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// How often it is called again before a request is told that it does not answer.
const RETRIES: usize = 3;
