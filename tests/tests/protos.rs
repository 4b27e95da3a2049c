//! Checks of `proto/`: what is generated of it is what it says, and nothing of the last release is gone or another.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use doorward_tests::tree::root;
use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
    FileDescriptorSet, ServiceDescriptorProto,
};
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};

/// What is served: its own interface, and the two that tools know.
const SERVED: [&str; 3] = [
    "doorward/users/v1/users.proto",
    "grpc/health/v1/health.proto",
    "grpc/reflection/v1/reflection.proto",
];
/// What is ours of it, and was released.
const OURS: [&str; 1] = ["doorward/users/v1/users.proto"];
/// Where what is generated is.
const GENERATED: &str = "components/users-grpc/src/generated";

#[test]
fn what_is_generated_is_what_the_protos_say() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("protos");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let files = compiled(&root().join("proto"), &SERVED, true);
    prost_build::Config::new()
        // What others wrote is not written for rustdoc.
        .disable_comments([".grpc"])
        .out_dir(&folder)
        .compile_fds(files)
        .expect("code is generated");
    describe(&compiled(&root().join("proto"), &SERVED, false), &folder);
    let there = root().join(GENERATED);
    if std::env::var_os("DOORWARD_BLESS").is_some() {
        std::fs::create_dir_all(&there).unwrap();
        for name in names(&folder) {
            std::fs::copy(folder.join(&name), there.join(&name)).unwrap();
        }
    }
    assert_eq!(names(&there), names(&folder), "the files of {GENERATED}");
    for name in names(&folder) {
        let is_the_same =
            std::fs::read(there.join(&name)).unwrap() == std::fs::read(folder.join(&name)).unwrap();
        assert!(
            is_the_same,
            "{GENERATED}/{} is not what proto/ says: run the test with DOORWARD_BLESS=1",
            name.display()
        );
    }
}

#[test]
fn nothing_of_the_last_release_is_gone_or_another() {
    let released = compiled(&root().join("proto/released"), &OURS, false);
    let now = compiled(&root().join("proto"), &OURS, false);
    let broken = broken(&released, &now);
    assert!(
        broken.is_empty(),
        "clients of the last release would fail; what is new gets a name, a number or a version of its own:\n{}",
        broken.join("\n")
    );
}

#[test]
fn the_check_sees_each_change_that_breaks_clients_and_no_other() {
    let before = r#"
        syntax = "proto3";
        package a.v1;
        service S {
            rpc Get(Asked) returns (Told);
            rpc List(Asked) returns (stream Told);
        }
        message Asked {
            string id = 1;
            optional string name = 2;
            oneof one_of { string left = 3; string right = 4; }
        }
        message Told {
            message Inner { int32 number = 1; }
            Inner inner = 1;
            repeated string names = 2;
            Kind kind = 3;
        }
        enum Kind { KIND_UNSPECIFIED = 0; KIND_ONE = 1; KIND_TWO = 2; }
    "#;
    assert_eq!(changed(before, "", ""), Vec::<String>::new());
    for (what, from, to) in [
        ("a field less", "string id = 1;", ""),
        ("a number", "string id = 1;", "string id = 7;"),
        ("a name", "string id = 1;", "string uuid = 1;"),
        ("a type", "string id = 1;", "bytes id = 1;"),
        ("another message", "Inner inner = 1;", "Asked inner = 1;"),
        ("one of many", "repeated string names", "string names"),
        ("many of one", "string id = 1;", "repeated string id = 1;"),
        ("presence", "optional string name", "string name"),
        (
            "out of one of several",
            "string right = 4; }",
            "} string right = 4;",
        ),
        ("an inner field less", "int32 number = 1;", ""),
        ("a value less", "KIND_TWO = 2;", ""),
        ("a value's name", "KIND_TWO", "KIND_DEUX"),
        ("a value's number", "KIND_TWO = 2", "KIND_TWO = 3"),
        ("a method less", "rpc Get(Asked) returns (Told);", ""),
        ("a method's name", "rpc Get", "rpc Fetch"),
        ("what a method takes", "rpc Get(Asked)", "rpc Get(Told)"),
        (
            "what it gives",
            "(Asked) returns (Told)",
            "(Asked) returns (Asked)",
        ),
        ("a stream less", "returns (stream Told)", "returns (Told)"),
        (
            "a stream to the server",
            "rpc Get(Asked)",
            "rpc Get(stream Asked)",
        ),
        ("a service's name", "service S", "service T"),
        ("the package", "package a.v1;", "package a.v2;"),
    ] {
        let broken = changed(before, from, to);
        assert!(!broken.is_empty(), "{what} breaks clients");
    }
    for (what, from, to) in [
        (
            "a field",
            "string id = 1;",
            "string id = 1; string more = 9;",
        ),
        ("a value", "KIND_TWO = 2;", "KIND_TWO = 2; KIND_THREE = 3;"),
        (
            "a method",
            "service S {",
            "service S { rpc New(Asked) returns (Told);",
        ),
        ("a message", "message Asked", "message New {} message Asked"),
        ("a comment", "string id = 1;", "// Who.\nstring id = 1;"),
    ] {
        assert_eq!(changed(before, from, to), Vec::<String>::new(), "{what}");
    }
}

/// What breaks when this is changed in a file.
fn changed(before: &str, from: &str, to: &str) -> Vec<String> {
    assert!(before.contains(from), "{from}");
    broken(&read(before), &read(&before.replacen(from, to, 1)))
}

/// What clients know that is gone or another.
fn broken(before: &FileDescriptorSet, now: &FileDescriptorSet) -> Vec<String> {
    let now = promises(now);
    let before = promises(before).into_iter();
    let broken = before.filter_map(|(what, how)| match now.get(&what) {
        Some(same) if *same == how => None,
        Some(other) => Some(format!("{what}: {how} has become {other}")),
        None => Some(format!("{what}: {how} is gone")),
    });
    broken.collect()
}

/// What clients may rely on. What they find by a number has the number in its name here.
fn promises(files: &FileDescriptorSet) -> BTreeMap<String, String> {
    let mut promises = BTreeMap::new();
    for file in &files.file {
        for service in &file.service {
            of_service(service, file.package(), &mut promises);
        }
        for message in &file.message_type {
            of_message(message, file.package(), &mut promises);
        }
        for of in &file.enum_type {
            of_enum(of, file.package(), &mut promises);
        }
    }
    promises
}

type Promises = BTreeMap<String, String>;

fn of_service(service: &ServiceDescriptorProto, parent: &str, promises: &mut Promises) {
    let name = format!("{parent}.{}", service.name());
    promises.insert(name.clone(), "a service".to_owned());
    for method in &service.method {
        let how = format!(
            "from {} (a stream: {}) to {} (a stream: {})",
            method.input_type(),
            method.client_streaming(),
            method.output_type(),
            method.server_streaming()
        );
        promises.insert(format!("{name}.{}", method.name()), how);
    }
}

fn of_message(message: &DescriptorProto, parent: &str, promises: &mut Promises) {
    let name = format!("{parent}.{}", message.name());
    promises.insert(name.clone(), "a message".to_owned());
    for field in &message.field {
        let how = of_field(field, message);
        promises.insert(format!("{name}, field {}", field.number()), how);
    }
    for inner in &message.nested_type {
        of_message(inner, &name, promises);
    }
    for of in &message.enum_type {
        of_enum(of, &name, promises);
    }
}

fn of_field(field: &FieldDescriptorProto, message: &DescriptorProto) -> String {
    let one_of = field.oneof_index.map(|index| {
        let one_of = usize::try_from(index)
            .ok()
            .and_then(|at| message.oneof_decl.get(at));
        one_of.expect("it is there").name()
    });
    format!(
        "{} ({}), {} {}, {}",
        field.name(),
        field.json_name(),
        Type::as_str_name(&field.r#type()),
        field.type_name(),
        match (Label::as_str_name(&field.label()), field.proto3_optional()) {
            (_, true) => "or absent".to_owned(),
            (label, false) => format!("{label}, one of: {}", one_of.unwrap_or("none")),
        }
    )
}

fn of_enum(of: &EnumDescriptorProto, parent: &str, promises: &mut Promises) {
    let name = format!("{parent}.{}", of.name());
    promises.insert(name.clone(), "an enum".to_owned());
    for value in &of.value {
        let how = value.name().to_owned();
        promises.insert(format!("{name}, value {}", value.number()), how);
    }
}

/// What these files say.
fn compiled(folder: &Path, files: &[&str], is_with_comments: bool) -> FileDescriptorSet {
    let mut compiler = Compiler::new([folder]).unwrap();
    compiler.include_imports(true);
    compiler.include_source_info(is_with_comments);
    let opened = compiler.open_files(files.iter().map(|file| folder.join(file)));
    opened.unwrap_or_else(|error| unread(&error));
    compiler.file_descriptor_set()
}

/// What this text says.
fn read(text: &str) -> FileDescriptorSet {
    struct Text(String);

    impl FileResolver for Text {
        fn open_file(&self, name: &str) -> Result<File, protox::Error> {
            File::from_source(name, &self.0)
        }
    }

    let mut resolver = ChainFileResolver::new();
    resolver.add(GoogleFileResolver::new());
    resolver.add(Text(text.to_owned()));
    let mut compiler = Compiler::with_file_resolver(resolver);
    let opened = compiler.open_file("it.proto");
    opened.unwrap_or_else(|error| unread(&error));
    compiler.file_descriptor_set()
}

#[expect(clippy::panic, reason = "a test")]
fn unread(error: &protox::Error) -> ! {
    panic!("{error:?}")
}

/// Writes what reflection tells: each file as a descriptor, and what is declared where.
fn describe(files: &FileDescriptorSet, folder: &Path) {
    let mut text = String::from("// This file is @generated by tests/tests/protos.rs.\n");
    let services: Vec<String> = files.file.iter().flat_map(services).collect();
    writeln!(text, "const SERVICES: &[&str] = &{};", list(&services, "")).unwrap();
    writeln!(text, "const FILES: &[File] = &[").unwrap();
    for file in &files.file {
        let descriptor = format!("{}.bin", file.name().replace('/', "."));
        std::fs::write(folder.join(&descriptor), file.encode_to_vec()).unwrap();
        writeln!(
            text,
            "    File {{\n        name: {:?},\n        descriptor: include_bytes!({descriptor:?}),\n        symbols: &{},\n    }},",
            file.name(),
            list(&symbols(file), "        ")
        )
        .unwrap();
    }
    writeln!(text, "];").unwrap();
    std::fs::write(folder.join("files.rs"), text).unwrap();
}

/// A list of texts as Rust has it, behind this space.
fn list(texts: &[String], space: &str) -> String {
    let lines = texts.iter().map(|text| format!("{space}    {text:?},\n"));
    format!("[\n{}{space}]", lines.collect::<String>())
}

fn services(file: &FileDescriptorProto) -> Vec<String> {
    let package = file.package();
    let names = file.service.iter().map(ServiceDescriptorProto::name);
    names.map(|name| format!("{package}.{name}")).collect()
}

/// The full names of what a file declares.
fn symbols(file: &FileDescriptorProto) -> Vec<String> {
    let file = FileDescriptorSet {
        file: vec![file.clone()],
    };
    let promises = promises(&file).into_keys();
    promises.filter(|name| !name.contains(',')).collect()
}

/// The files of a folder.
fn names(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().file_name().into())
        .collect();
    names.sort();
    names
}
