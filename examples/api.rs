//! A to-do list as a JSON API: `cargo run --release --example api [ADDRESS]`, then:
//!
//! ```sh
//! json='Content-Type: application/json'
//! curl http://127.0.0.1:8080/todos -H "$json" -d '{"title": "read the guide"}'
//! curl http://127.0.0.1:8080/todos
//! curl http://127.0.0.1:8080/todos/1 -H "$json" -X PUT -d '{"title": "read on", "done": true}'
//! curl http://127.0.0.1:8080/todos/1 -X DELETE
//! ```
//!
//! The example shows state that all handlers share, JSON in both directions, errors as JSON with
//! the right status, and one line of log for each request.

use millpond::input::json::{json_input_with_limit, JsonError};
use millpond::{json, json_struct, log, reply, router, Address, Request, Response, Server};
use std::{collections::BTreeMap, error::Error, io, sync::Mutex};

/// Bytes of one request body. Together with `MAX_TODOS`, the bound keeps the list below 400 KiB.
const MAX_BODY_BYTES: usize = 4 * 1024;
/// Items in the list. Without a bound, clients could fill the memory.
const MAX_TODOS: usize = 100;

json_struct! {
    /// One item of the list, in responses.
    struct Todo { id: u64, title: String, done: bool }
}

json_struct! {
    /// The body of POST and PUT. A member of type `Option` may be missing.
    struct TodoInput { title: String, done: Option<bool> }
}

/// The state: all items by their id, and the last id that was given to an item.
#[derive(Default)]
struct Todos {
    items: BTreeMap<u64, Todo>,
    last_id: u64,
}

/// An error response: its status, and a text for the developer of the client.
struct ApiError(u16, String);

fn main() -> Result<(), Box<dyn Error>> {
    // 1. Create the state. Handlers run on several threads at once, so the state needs a lock.
    let todos = Mutex::new(Todos::default());
    // 2. Bind the address. The closure owns the state and is called for each request.
    let address = std::env::args().nth(1);
    let address: Address = address.as_deref().unwrap_or("127.0.0.1:8080").parse()?;
    let server = Server::listen_on([address], move |request| {
        log(request, io::stdout(), || respond(request, &todos))
    })?;
    // 3. Serve until the process ends.
    println!("http://{}/todos", server.server_addr());
    server.run();
    Ok(())
}

/// Calls the handler for the method and the path, and turns an error into JSON.
fn respond(request: &Request, todos: &Mutex<Todos>) -> Response {
    let result = router!(request,
        (GET) (/todos) => list(todos),
        (POST) (/todos) => create(request, todos),
        (GET) (/todos/{id: u64}) => read(todos, id),
        (PUT) (/todos/{id: u64}) => update(request, todos, id),
        (DELETE) (/todos/{id: u64}) => delete(todos, id),
        _ => Err(ApiError(404, "unknown method and path".into())),
    );
    result.unwrap_or_else(
        |ApiError(status, text)| reply!(json => json!({ "error": text }), status => status),
    )
}

// Each handler returns a `Result`, so that `?` ends the handler with an error response. No handler
// holds the lock while it reads from a client.

fn list(todos: &Mutex<Todos>) -> Result<Response, ApiError> {
    let todos = todos.lock().unwrap();
    let items: Vec<&Todo> = todos.items.values().collect();
    Ok(reply!(json => items))
}

fn create(request: &Request, todos: &Mutex<Todos>) -> Result<Response, ApiError> {
    let input = read_input(request)?;
    let mut todos = todos.lock().unwrap();
    if todos.items.len() == MAX_TODOS {
        return Err(ApiError(507, format!("list full: {MAX_TODOS} items")));
    }
    todos.last_id += 1;
    let id = todos.last_id;
    let (title, done) = (input.title, input.done.unwrap_or(false));
    let todo = Todo { id, title, done };
    let response = reply!(json => todo, status => 201);
    todos.items.insert(id, todo);
    // RFC 9110 §15.3.2: a response with 201 names the URL of the new resource in `Location`.
    Ok(response.with_additional_header("Location", format!("/todos/{id}")))
}

fn read(todos: &Mutex<Todos>, id: u64) -> Result<Response, ApiError> {
    let todos = todos.lock().unwrap();
    let todo = todos.items.get(&id).ok_or_else(|| unknown(id))?;
    Ok(reply!(json => todo))
}

fn update(request: &Request, todos: &Mutex<Todos>, id: u64) -> Result<Response, ApiError> {
    let input = read_input(request)?;
    let mut todos = todos.lock().unwrap();
    let todo = todos.items.get_mut(&id).ok_or_else(|| unknown(id))?;
    todo.title = input.title;
    todo.done = input.done.unwrap_or(todo.done);
    Ok(reply!(json => &*todo))
}

fn delete(todos: &Mutex<Todos>, id: u64) -> Result<Response, ApiError> {
    let removed = todos.lock().unwrap().items.remove(&id);
    removed.ok_or_else(|| unknown(id))?;
    Ok(Response::empty_204())
}

/// Reads and checks the body of POST and PUT.
fn read_input(request: &Request) -> Result<TodoInput, ApiError> {
    let input: TodoInput = json_input_with_limit(request, MAX_BODY_BYTES)?;
    if input.title.trim().is_empty() {
        return Err(ApiError(
            422,
            "title: expected a text that is not blank".into(),
        ));
    }
    Ok(input)
}

fn unknown(id: u64) -> ApiError {
    ApiError(404, format!("unknown id: {id}"))
}

/// Lets `?` turn a body that is not the expected JSON into an error response.
impl From<JsonError> for ApiError {
    fn from(error: JsonError) -> ApiError {
        match error {
            JsonError::ParseError(error) => {
                ApiError(400, format!("invalid JSON in request body: {error}"))
            }
            JsonError::WrongContentType => ApiError(415, error.to_string()),
            // The kind `Other` means a body above the limit.
            JsonError::IoError(cause) if cause.kind() == io::ErrorKind::Other => {
                ApiError(413, format!("request body above {MAX_BODY_BYTES} bytes"))
            }
            error => ApiError(400, error.to_string()),
        }
    }
}
