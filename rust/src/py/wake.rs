//! Waking an event loop from the network thread: a descriptor that the loop watches, or a thread that calls in.

use std::sync::Arc;

use pyo3::{exceptions::PyNotImplementedError, intern, prelude::*};

use crate::fdb::Wake;

/// The loop's side: registered once, consumed at each wake-up.
pub trait Signal: Send + Sync {
    fn consume(&self);
    /// Has `event_loop` call `callback`, in `context`, after each wake. The loop owns `callback` from here on.
    fn attach(
        &self,
        event_loop: &Bound<'_, PyAny>,
        callback: &Bound<'_, PyAny>,
        context: &Bound<'_, PyAny>,
    ) -> PyResult<()>;
}

/// The two sides of a signal for `event_loop`.
#[cfg(unix)]
pub fn signal(event_loop: &Bound<'_, PyAny>) -> PyResult<(Arc<dyn Signal>, Box<dyn Wake>)> {
    // A loop without add_reader (asyncio's AbstractEventLoop raises NotImplementedError) gets the thread.
    let descriptor = Arc::new(descriptor::Descriptor::new()?);
    match descriptor.probe(event_loop) {
        Ok(()) => Ok((descriptor.clone(), Box::new(descriptor::Waker(descriptor)))),
        Err(error) if error.is_instance_of::<PyNotImplementedError>(event_loop.py()) => {
            Ok(thread::signal())
        }
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
pub fn signal(_event_loop: &Bound<'_, PyAny>) -> PyResult<(Arc<dyn Signal>, Box<dyn Wake>)> {
    // The default loop of Windows (proactor) has no add_reader.
    Ok(thread::signal())
}

#[cfg(unix)]
mod descriptor {
    use std::os::fd::{AsFd, AsRawFd, OwnedFd};

    use super::*;

    /// An eventfd, or a pipe where there is none. Owned by the queue's waker and the loop's state together and
    /// closed with the last of them, so that a late completion never writes to a descriptor used again.
    pub struct Descriptor {
        read: OwnedFd,
        #[cfg(not(target_os = "linux"))]
        write: OwnedFd,
    }

    impl Descriptor {
        #[cfg(target_os = "linux")]
        pub fn new() -> PyResult<Descriptor> {
            use rustix::event::{EventfdFlags, eventfd};
            let read = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
                .map_err(std::io::Error::from)?;
            Ok(Descriptor { read })
        }

        #[cfg(not(target_os = "linux"))]
        pub fn new() -> PyResult<Descriptor> {
            use rustix::{
                fs::{OFlags, fcntl_setfl},
                io::{FdFlags, fcntl_setfd},
                pipe::pipe,
            };
            let (read, write) = pipe().map_err(std::io::Error::from)?;
            for end in [&read, &write] {
                fcntl_setfd(end, FdFlags::CLOEXEC).map_err(std::io::Error::from)?;
                fcntl_setfl(end, OFlags::NONBLOCK).map_err(std::io::Error::from)?;
            }
            Ok(Descriptor { read, write })
        }

        fn write_end(&self) -> impl AsFd + '_ {
            #[cfg(target_os = "linux")]
            return &self.read;
            #[cfg(not(target_os = "linux"))]
            return &self.write;
        }

        /// Whether the loop can watch descriptors.
        pub fn probe(&self, event_loop: &Bound<'_, PyAny>) -> PyResult<()> {
            event_loop.call_method1("remove_reader", (self.read.as_raw_fd(),)).map(drop)
        }
    }

    impl Signal for Descriptor {
        fn consume(&self) {
            let mut counter = [0u8; 64];
            // Nothing to read is fine: then another drain has taken what the wake was for.
            let _ = rustix::io::read(&self.read, &mut counter);
        }

        fn attach(
            &self,
            event_loop: &Bound<'_, PyAny>,
            callback: &Bound<'_, PyAny>,
            context: &Bound<'_, PyAny>,
        ) -> PyResult<()> {
            let py = event_loop.py();
            let add_reader = event_loop.getattr(intern!(py, "add_reader"))?;
            context.call_method1("run", (add_reader, self.read.as_raw_fd(), callback)).map(drop)
        }
    }

    pub struct Waker(pub Arc<Descriptor>);

    impl Wake for Waker {
        fn wake(&self) {
            // A full pipe or counter wakes the loop as well, so a failed write needs no answer.
            let _ = rustix::io::write(self.0.write_end(), &1u64.to_ne_bytes());
        }
    }
}

mod thread {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use parking_lot::Mutex;
    use pyo3::types::PyWeakrefReference;

    use super::*;

    /// For loops that watch no descriptors: a thread of ours waits for wakes and calls call_soon_threadsafe.
    struct Threaded(Mutex<Option<Receiver<()>>>);

    struct Waker(SyncSender<()>);

    impl Wake for Waker {
        fn wake(&self) {
            // Full means that a wake is on its way already.
            let _ = self.0.try_send(());
        }
    }

    pub fn signal() -> (Arc<dyn Signal>, Box<dyn Wake>) {
        let (sender, receiver) = sync_channel(1);
        (Arc::new(Threaded(Mutex::new(Some(receiver)))), Box::new(Waker(sender)))
    }

    impl Signal for Threaded {
        fn consume(&self) {}

        fn attach(
            &self,
            event_loop: &Bound<'_, PyAny>,
            callback: &Bound<'_, PyAny>,
            context: &Bound<'_, PyAny>,
        ) -> PyResult<()> {
            let Some(receiver) = self.0.lock().take() else { return Ok(()) };
            // The thread holds both weakly: it would keep the loop and what waits for it alive.
            event_loop.setattr(intern!(event_loop.py(), "_found_event_loop_state"), callback)?;
            let event_loop = PyWeakrefReference::new(event_loop)?.unbind();
            let callback = PyWeakrefReference::new(callback)?.unbind();
            let context = context.clone().unbind();
            // Ends with the queue, whose waker holds the sender.
            std::thread::Builder::new().name("found-wake".to_owned()).spawn(move || {
                while receiver.recv().is_ok() {
                    let called = Python::try_attach(|py| -> PyResult<()> {
                        let (Some(event_loop), Some(callback)) =
                            (event_loop.bind(py).upgrade(), callback.bind(py).upgrade())
                        else {
                            return Ok(());
                        };
                        let options = pyo3::types::PyDict::new(py);
                        options.set_item("context", context.bind(py))?;
                        event_loop.call_method(
                            "call_soon_threadsafe",
                            (callback,),
                            Some(&options),
                        )?;
                        Ok(())
                    });
                    // A closed loop has nobody to tell.
                    drop(called);
                }
            })?;
            Ok(())
        }
    }
}
