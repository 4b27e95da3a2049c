//! What nginx is told. All paths are in a folder that is deleted afterwards, and relative to it where
//! nginx lets them be.

use std::net::SocketAddr;
use std::path::Path;

/// The fields that `/echo-headers` tells of.
pub(super) const ECHOED: &[&str] = &[
    "host",
    "authorization",
    "cookie",
    "via",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "cdn-loop",
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "content-type",
    "user-agent",
    "accept",
    "x-one",
    "x-two",
    "x-env",
];

const STATUSES: [u16; 6] = [404, 429, 500, 502, 503, 504];

pub(super) fn origin(port: u16, folder: &Path) -> String {
    let folder = folder.display();
    let statuses: String = STATUSES
        .iter()
        .map(|status| {
            format!("location = /status/{status} {{ return {status} \"{status}\\n\"; }}\n")
        })
        .collect();
    let echoed: String = ECHOED
        .iter()
        .map(|name| {
            format!(
                "map $http_{v} $told_{v} {{ \"\" \"\"; default \"{name}: $http_{v}\\n\"; }}\n",
                v = variable(name)
            )
        })
        .collect();
    let told: String = ECHOED
        .iter()
        .map(|name| format!("${{told_{}}}", variable(name)))
        .collect();
    http(&format!(
        r#"
        {echoed}
        # Takes what was uploaded when all of it is there, which `return` alone would not wait for.
        server {{
            listen unix:{folder}/sink;
            client_max_body_size 0;
            return 200 "$content_length\n";
        }}
        server {{
            listen 127.0.0.1:{port};
            default_type text/plain;
            client_max_body_size 0;
            location = /hello {{ return 200 "hello\n"; }}
            location = /echo-headers {{ return 200 "$request\n{told}"; }}
            location = /upload {{ proxy_pass http://unix:{folder}/sink; }}
            location = /slow {{
                alias file;
                limit_rate 256k;
            }}
            location = /file {{ alias file; }}
            location = /gone {{ return 444; }}
            location = /status/204 {{ return 204; }}
            location = /status/302 {{ return 302 /hello; }}
            {statuses}
        }}
        "#
    ))
}

pub(super) fn in_front_of(port: u16, address: SocketAddr) -> String {
    http(&format!(
        r#"
        upstream behind {{
            server {address} max_fails=0;
            keepalive 64;
        }}
        server {{
            listen 127.0.0.1:{port};
            client_max_body_size 0;
            location / {{
                proxy_pass http://behind;
                proxy_http_version 1.1;
                proxy_set_header Connection "";
                proxy_set_header Host $http_host;
                proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                proxy_set_header X-Forwarded-Proto https;
                proxy_request_buffering off;
                proxy_buffering off;
                proxy_next_upstream off;
            }}
        }}
        "#
    ))
}

/// One process that stays in the foreground, so that ending it ends all.
fn http(servers: &str) -> String {
    format!(
        r#"
        daemon off;
        master_process off;
        pid pid;
        error_log errors warn;
        events {{ worker_connections 4096; }}
        http {{
            access_log off;
            keepalive_requests 1000000;
            client_body_temp_path temp-body;
            proxy_temp_path temp-proxy;
            fastcgi_temp_path temp-fastcgi;
            uwsgi_temp_path temp-uwsgi;
            scgi_temp_path temp-scgi;
            {servers}
        }}
        "#
    )
}

fn variable(field: &str) -> String {
    field.replace('-', "_")
}
