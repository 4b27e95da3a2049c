//! What is no call as it should be. The service has nothing in front here.

use crate::scene::{reason, spec, told_of};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::grpc::calls;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::run::Case;
use serde_json::json;

pub const CASES: &[Case] = cases![
    what_is_no_call_as_it_should_be_is_refused,
    a_request_that_is_no_call_is_a_415,
];

const LIST: &str = "/doorward.users.v1.UsersService/ListUsers";
const CREATE: &str = "/doorward.users.v1.UsersService/CreateUser";

async fn what_is_no_call_as_it_should_be_is_refused(host: &dyn Host) {
    let app = spec("").write();
    let running = host.start(&app).await;
    let admin = told_of("admin", "read:users write:users");
    let ada = json!({ "name": "Ada", "email": "ada@example.com" });
    let longest = "00".repeat(65_536);
    let too_long = "00".repeat(65_537);
    let told = calls(
        running.address,
        json!([
            { "create": ada },
            { "create": ada, "metadata": [["x-auth-subject", "admin"]] },
            { "create": ada, "metadata": told_of("bob", "read:users") },
            { "list": {}, "metadata": told_of("bob", "write:users") },
            { "create": ada, "metadata": admin, "compressed": true },
            { "path": CREATE, "bytes": "ffff", "metadata": admin },
            // A name that is no UTF-8.
            { "path": CREATE, "bytes": "0a02c328", "metadata": admin },
            { "path": CREATE, "bytes": longest, "metadata": admin },
            { "path": CREATE, "bytes": too_long, "metadata": admin },
            { "path": "/doorward.users.v1.UsersService/DropUsers", "bytes": "", "metadata": admin },
            { "path": "/another.Service/GetUser", "bytes": "", "metadata": admin },
            { "list": {}, "metadata": admin },
        ]),
    )
    .await;
    for (at, code, why) in [
        (0, "UNAUTHENTICATED", "NO_CALLER"),
        (1, "UNAUTHENTICATED", "NO_CALLER"),
        (2, "PERMISSION_DENIED", "FORBIDDEN"),
        (3, "PERMISSION_DENIED", "FORBIDDEN"),
        (4, "UNIMPLEMENTED", "COMPRESSED"),
        (5, "INTERNAL", "UNREADABLE"),
        (6, "INTERNAL", "UNREADABLE"),
        (7, "INTERNAL", "UNREADABLE"),
        (8, "RESOURCE_EXHAUSTED", "MESSAGE_TOO_LONG"),
        (9, "UNIMPLEMENTED", "NO_METHOD"),
        (10, "UNIMPLEMENTED", "NO_METHOD"),
    ] {
        assert_eq!(told[at]["code"], code, "{at}: {}", told[at]);
        assert_eq!(reason(&told[at]), why, "{}", told[at]);
    }
    assert_eq!(told[11]["answers"], json!([]), "nothing was created");
}

async fn a_request_that_is_no_call_is_a_415(host: &dyn Host) {
    let app = spec("").write();
    let running = host.start(&app).await;
    let json = Ask::new("POST", LIST).header("Content-Type", "application/json");
    for ask in [Ask::get(LIST), json.body(b"{}")] {
        assert_eq!(ask.send(running.address).await.status, 415);
    }
    let call = Ask::new("POST", LIST).header("Content-Type", "application/grpc");
    let answer = call.body(b"").send(running.address).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/grpc"));
    assert_eq!(answer.header("grpc-accept-encoding"), Some("identity"));
}
