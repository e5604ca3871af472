//! A future whose callback is set: between the call and its landing on the queue of the loop that asked.

use std::{
    ffi::c_void,
    panic::AssertUnwindSafe,
    sync::{Arc, atomic::AtomicPtr},
};

use found_fdb_sys::FDBFuture;
use parking_lot::Mutex;

use super::{error::Code, future::Future, queue::Queue};

/// A future in flight. It reports ready before its callback fires, and the callback holds the raw pointer, so
/// nobody but the landing may read or destroy it; anybody may cancel it.
pub struct Flight {
    future: Mutex<Option<Future>>,
    /// What the loop filed the flight under.
    pub key: usize,
    queue: Arc<Queue>,
    /// In the queue: what landed before it.
    pub(super) before: AtomicPtr<Flight>,
}

impl Flight {
    /// Sets the callback. A future that is ready lands at once.
    pub fn launch(future: Future, key: usize, queue: Arc<Queue>) -> Result<Arc<Flight>, Code> {
        let (library, pointer) = future.parts();
        let flight = Arc::new(Flight {
            future: Mutex::new(Some(future)),
            key,
            queue,
            before: AtomicPtr::default(),
        });
        let parameter = Arc::into_raw(Arc::clone(&flight));
        // SAFETY: the future is alive: `flight` owns it and only `land` takes it out, after the callback.
        // `parameter` is a reference to the flight that the callback gives back; it fires at most once.
        let code = unsafe {
            (library.table.fdb_future_set_callback)(
                pointer.as_ptr(),
                Some(landed),
                parameter.cast_mut().cast::<c_void>(),
            )
        };
        if code != 0 {
            // SAFETY: the callback was not set, so the reference made for it is still ours to drop.
            drop(unsafe { Arc::from_raw(parameter) });
            return Err(Code(code));
        }
        Ok(flight)
    }

    /// Asks the network thread to cancel; the landing comes all the same.
    pub fn cancel(&self) {
        if let Some(future) = self.future.lock().as_ref() {
            future.cancel();
        }
    }

    /// The future, once landed. The second call has nothing to give.
    pub fn land(&self) -> Option<Future> {
        self.future.lock().take()
    }
}

unsafe extern "C" fn landed(_future: *mut FDBFuture, parameter: *mut c_void) {
    // A panic must not cross into C; there is none to expect from a queue's push.
    let _ = std::panic::catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: `parameter` is the reference that `launch` made for this callback, which fires once.
        let flight = unsafe { Arc::from_raw(parameter.cast::<Flight>().cast_const()) };
        let queue = Arc::clone(&flight.queue);
        queue.push(flight);
    }));
}
