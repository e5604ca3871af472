//! Calls into CPython that PyO3 has no safe form of.

#![allow(unsafe_code)]

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt, PyTuple, PyType};

use super::step::Step;

/// An integer as the machine has it, or on which side it is out of reach.
pub enum Word {
    Fits(i64),
    Above,
    Below,
}

/// Reads an `int`, or a subclass of it without calling anything the subclass defines.
#[inline]
pub fn word(value: &Bound<'_, PyInt>) -> PyResult<Word> {
    let mut overflow = 0;
    // SAFETY: attached; `value` is a live int, so that no `__index__` is looked for; `overflow`
    // outlives the call.
    let word = unsafe { ffi::PyLong_AsLongLongAndOverflow(value.as_ptr(), &raw mut overflow) };
    match overflow {
        0 if word == -1 => match PyErr::take(value.py()) {
            None => Ok(Word::Fits(word)),
            Some(error) => Err(error),
        },
        0 => Ok(Word::Fits(word)),
        overflow if overflow > 0 => Ok(Word::Above),
        _ => Ok(Word::Below),
    }
}

/// A class whose instances `object.__new__` makes, made here without the cost of that call.
pub struct PlainClass(Py<PyType>);

impl PlainClass {
    /// # Errors
    /// On an interpreter other than CPython; and what `object.__new__(kind)` raises, for one that
    /// `kind` has a constructor in C.
    pub fn new(kind: &Bound<'_, PyType>) -> PyResult<Self> {
        let py = kind.py();
        let interpreter = py.import("sys")?.getattr("implementation")?.getattr("name")?;
        if !interpreter.eq("cpython")? {
            return Err(PyTypeError::new_err("only CPython's object.__new__ is known"));
        }
        py.get_type::<PyAny>().call_method1("__new__", (kind,))?;
        Ok(Self(kind.clone().unbind()))
    }

    /// An instance on which no `__init__` has run.
    #[inline]
    pub fn instance<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let kind = self.0.bind(py).as_type_ptr();
        // SAFETY: attached; `self` keeps the type alive. CPython's `object.__new__` has accepted
        // the type and made an instance of it: no constructor in C stands between the type and
        // object's, which is tp_alloc(type, 0) once its arguments are checked, and none are given.
        // The result is a new reference, or null with an error set.
        unsafe {
            let allocate = (*kind).tp_alloc.unwrap_or(ffi::PyType_GenericAlloc);
            Bound::from_owned_ptr_or_err(py, allocate(kind, 0))
        }
    }
}

/// An attribute that a class keeps in a slot, read and set past `__getattribute__` and `__setattr__`.
pub struct Slot {
    descriptor: Py<PyAny>,
    get: ffi::descrgetfunc,
    set: ffi::descrsetfunc,
}

impl Slot {
    /// # Errors
    /// Where `kind` has no slot of that name.
    pub fn new(kind: &Bound<'_, PyType>, name: &str) -> PyResult<Self> {
        let descriptor = kind.getattr("__dict__")?.get_item(name)?;
        let descriptor_kind = descriptor.get_type_ptr();
        // SAFETY: attached; `descriptor_kind` is the type of a live object and so alive and ready.
        let (get, set) =
            unsafe { ((*descriptor_kind).tp_descr_get, (*descriptor_kind).tp_descr_set) };
        match (get, set) {
            (Some(get), Some(set)) if descriptor_kind == &raw mut ffi::PyMemberDescr_Type => {
                Ok(Self { descriptor: descriptor.unbind(), get, set })
            }
            _ => Err(PyTypeError::new_err(format!("{kind} keeps '{name}' in no slot"))),
        }
    }

    #[inline]
    pub fn get<'py>(&self, object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let kind = object.get_type_ptr().cast();
        // SAFETY: attached; `get` is the reader of static type member_descriptor, of which
        // `descriptor` is an instance, and checks that `object` has the slot. The result is a new
        // reference, or null with an error set.
        unsafe {
            let value = (self.get)(self.descriptor.as_ptr(), object.as_ptr(), kind);
            Bound::from_owned_ptr_or_err(object.py(), value)
        }
    }

    #[inline]
    pub fn set(&self, object: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        // SAFETY: as in `get`; `set` takes a reference to `value` of its own.
        let failed =
            unsafe { (self.set)(self.descriptor.as_ptr(), object.as_ptr(), value.as_ptr()) != 0 };
        if failed { Err(PyErr::fetch(object.py())) } else { Ok(()) }
    }
}

/// Has the garbage collector pass over a tuple that holds only bytes, as it decides by itself when it first meets one: the
/// many tuples of a range would have it look at each (CPython's gcmodule.c, untrack_tuples).
#[inline]
pub fn untrack(tuple: &Bound<'_, PyTuple>) {
    #[cfg(not(any(PyPy, GraalPy)))]
    // SAFETY: attached, and the tuple is alive and complete. Untracking twice does nothing.
    unsafe {
        ffi::PyObject_GC_UnTrack(tuple.as_ptr().cast());
    }
    #[cfg(any(PyPy, GraalPy))]
    let _ = tuple;
}

/// A key and a value, on their way into a tuple.
pub type Pair<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>);

/// Puts `items` in the place of those of `tuple`, of two bytes, if nobody else refers to it: the row before, used again as
/// CPython's `zip` uses its result (bltinmodule.c, zip_next). Gives them back where somebody has kept it.
///
/// From 3.14 on a tuple remembers its hash, and nothing public makes it forget: there each row has a tuple of its own.
#[cfg(not(any(PyPy, GraalPy, Py_3_14, Py_GIL_DISABLED)))]
#[inline]
pub fn refill<'py>(
    tuple: &Py<PyTuple>,
    items: Pair<'py>,
) -> Result<Bound<'py, PyTuple>, Pair<'py>> {
    let tuple = tuple.bind(items.0.py());
    // SAFETY: attached, and the tuple is alive.
    if !unsafe { is_only_reference(tuple.as_ptr()) } {
        return Err(items);
    }
    // SAFETY: attached, and the tuple is alive, of two, and referred to by the caller alone: no other code can see it
    // change. `PyTuple_SetItem` checks the latter too, takes over the reference, and lets go of what was there, bytes.
    unsafe {
        ffi::PyTuple_SetItem(tuple.as_ptr(), 0, items.0.into_ptr());
        ffi::PyTuple_SetItem(tuple.as_ptr(), 1, items.1.into_ptr());
    }
    Ok(tuple.clone())
}

#[cfg(any(PyPy, GraalPy, Py_3_14, Py_GIL_DISABLED))]
pub fn refill<'py>(
    _tuple: &Py<PyTuple>,
    items: Pair<'py>,
) -> Result<Bound<'py, PyTuple>, Pair<'py>> {
    Err(items)
}

/// A class whose instances are stepped as a generator is.
pub trait Steps: pyo3::PyClass {
    fn step(slf: &Bound<'_, Self>) -> PyResult<Step>;
}

/// Gives `C`, which is `T` or derives from it and whose `__await__` gives the instance itself, the slots of an `await`: it
/// is had as a pointer, and the interpreter and asyncio's tasks step it without raising a StopIteration for its result. PyO3
/// has no form of it; where the slots do not exist `__await__` and `__next__` serve.
#[cfg(all(Py_3_10, not(PyPy), not(GraalPy)))]
pub fn install_await_slots<C: pyo3::PyClass, T: Steps>(py: Python<'_>) -> PyResult<()> {
    let kind = py.get_type::<C>();
    // SAFETY: attached, and the module is being initialised: no instance exists, no other thread has seen the
    // type. PyO3 makes heap types, whose tp_as_async points into the type object itself and is writable.
    unsafe {
        let slots = (*kind.as_type_ptr()).tp_as_async;
        if slots.is_null() {
            return Err(PyTypeError::new_err("the class is not awaitable"));
        }
        (*slots).am_await = Some(itself);
        (*slots).am_send = Some(send::<T>);
    }
    Ok(())
}

#[cfg(not(all(Py_3_10, not(PyPy), not(GraalPy))))]
pub fn install_await_slots<C: pyo3::PyClass, T: Steps>(_py: Python<'_>) -> PyResult<()> {
    Ok(())
}

#[cfg(all(Py_3_10, not(PyPy), not(GraalPy)))]
unsafe extern "C" fn send<T: Steps>(
    slf: *mut ffi::PyObject,
    _value: *mut ffi::PyObject,
    result: *mut *mut ffi::PyObject,
) -> ffi::PySendResult {
    // SAFETY: the interpreter calls slots with the thread attached.
    let py = unsafe { Python::assume_attached() };
    let step = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        // SAFETY: `slf` is a live instance of a class whose slot this is: of `T`, or of one that derives from it.
        let slf = unsafe { Borrowed::from_ptr(py, slf).cast_unchecked::<T>() };
        T::step(&slf)
    }));
    let (value, outcome) = match step {
        Ok(Ok(Step::Return(value))) => (value.into_ptr(), ffi::PySendResult::PYGEN_RETURN),
        Ok(Ok(Step::Yield(value))) => (value.into_ptr(), ffi::PySendResult::PYGEN_NEXT),
        Ok(Err(error)) => {
            error.restore(py);
            (std::ptr::null_mut(), ffi::PySendResult::PYGEN_ERROR)
        }
        Err(panic) => {
            pyo3::panic::PanicException::new_err(panic_text(&panic)).restore(py);
            (std::ptr::null_mut(), ffi::PySendResult::PYGEN_ERROR)
        }
    };
    // SAFETY: the caller gives a place for the result, which takes over the reference.
    unsafe { *result = value };
    outcome
}

#[cfg(all(Py_3_10, not(PyPy), not(GraalPy)))]
fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "a panic without a message".to_owned(),
    }
}

/// Has `async for` step an instance of `C`, which is its own iterator and awaitable, without an object for each item.
///
/// Its slot `am_anext` gives the instance itself if the caller's reference is the only one, and calls `__anext__`
/// otherwise: so no two awaitables that are alive are the same, as `asyncio.gather(anext(rows), anext(rows))` needs.
#[cfg(all(Py_3_10, not(PyPy), not(GraalPy)))]
pub fn install_iteration_slots<C: pyo3::PyClass>(py: Python<'_>) -> PyResult<()> {
    let kind = py.get_type::<C>();
    // SAFETY: as in `install_await_slots`.
    unsafe {
        let slots = (*kind.as_type_ptr()).tp_as_async;
        let anext = if slots.is_null() { None } else { (*slots).am_anext };
        let Some(anext) = anext else {
            return Err(PyTypeError::new_err("the class is no asynchronous iterator"));
        };
        ANEXT.get_or_init(|| anext);
        (*slots).am_anext = Some(itself_or_anext);
    }
    Ok(())
}

#[cfg(not(all(Py_3_10, not(PyPy), not(GraalPy))))]
pub fn install_iteration_slots<C: pyo3::PyClass>(_py: Python<'_>) -> PyResult<()> {
    Ok(())
}

/// The `am_anext` that PyO3 made.
#[cfg(all(Py_3_10, not(PyPy), not(GraalPy)))]
static ANEXT: std::sync::OnceLock<ffi::unaryfunc> = std::sync::OnceLock::new();

#[cfg(all(Py_3_10, not(PyPy), not(GraalPy)))]
unsafe extern "C" fn itself_or_anext(slf: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: the interpreter calls slots with the thread attached, on a live instance of the class whose slots these
    // are; ANEXT is the slot that the class had.
    unsafe {
        match ANEXT.get() {
            Some(anext) if !is_only_reference(slf) => anext(slf),
            _ => itself(slf),
        }
    }
}

#[cfg(all(Py_3_10, not(PyPy), not(GraalPy)))]
unsafe extern "C" fn itself(slf: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: as above.
    unsafe { ffi::Py_NewRef(slf) }
}

/// # Safety
/// The thread is attached, and `object` alive.
#[cfg(not(any(PyPy, GraalPy)))]
#[inline]
unsafe fn is_only_reference(object: *mut ffi::PyObject) -> bool {
    #[cfg(Py_GIL_DISABLED)]
    // SAFETY: by the caller. What other threads refer to is counted as well.
    unsafe {
        ffi::PyUnstable_Object_IsUniquelyReferenced(object) != 0
    }
    #[cfg(not(Py_GIL_DISABLED))]
    // SAFETY: by the caller.
    unsafe {
        ffi::Py_REFCNT(object) == 1
    }
}
