use super::{REQUEST_ID_BYTES_MAX, is_uuid, request_id, uuid, uuid_bits};

fn read(values: &[&str]) -> Option<String> {
    let values: Vec<Vec<u8>> = values
        .iter()
        .map(|value| value.as_bytes().to_vec())
        .collect();
    request_id(&values).map(str::to_owned)
}

#[test]
fn names_as_others_make_them_are_well_formed() {
    let longest = "a".repeat(REQUEST_ID_BYTES_MAX);
    for name in [
        "0b9c54a0-3f0e-4b0e-9d2c-1f2e3d4c5b6a",
        "8C1A40E6-0000-7B6A-9B7E-0242AC110002",
        "01J9ZQ4Y8M3V5K7N2P4R6T8W0X",
        "f058ebd6-02f7-4d3f-942e-904344e8cde5/7.1",
        "V1StGXR8_Z5jdHi6B-myT",
        "q83vEjRWeJA=",
        "a+b/c==",
        "host:42~7",
        "user@host",
        "1",
        &longest,
    ] {
        assert_eq!(read(&[name]).as_deref(), Some(name));
    }
}

#[test]
fn what_could_be_read_as_something_else_is_no_name() {
    let too_long = "a".repeat(REQUEST_ID_BYTES_MAX + 1);
    for name in [
        "",
        " ",
        "a b",
        "a\tb",
        "a\"b",
        "a\\b",
        "a\nb",
        "a\r\nx-auth-subject: admin",
        "a,b",
        "a;b",
        "a'b",
        "<script>",
        "${jndi:ldap}",
        "%0d%0a",
        "{}",
        "a\u{0}",
        "a\u{7f}",
        "\u{e9}",
        &too_long,
    ] {
        assert_eq!(read(&[name]), None, "{name:?}");
    }
}

#[test]
fn of_several_names_none_is_taken() {
    assert_eq!(read(&[]), None);
    assert_eq!(read(&["a", "a"]), None);
    assert_eq!(read(&["a", "b"]), None);
}

#[test]
fn a_uuid_has_its_version_and_variant_and_all_other_bits_as_they_are() {
    let made = |bits| uuid(uuid_bits(bits));
    assert_eq!(made([0, 0]), "00000000-0000-4000-8000-000000000000");
    assert_eq!(
        made([u64::MAX, u64::MAX]),
        "ffffffff-ffff-4fff-bfff-ffffffffffff"
    );
    assert_eq!(
        made([0x0123_4567_89ab_cdef, 0x0123_4567_89ab_cdef]),
        "01234567-89ab-4def-8123-456789abcdef"
    );
    assert!(is_uuid(&made([1, 2])));
}

#[test]
fn only_a_uuid_is_one() {
    for name in [
        "0b9c54a0-3f0e-4b0e-9d2c-1f2e3d4c5b6a",
        "0B9C54A0-3F0E-7B0E-9D2C-1F2E3D4C5B6A",
    ] {
        assert!(is_uuid(name), "{name}");
    }
    for name in [
        "",
        "0b9c54a03f0e4b0e9d2c1f2e3d4c5b6a",
        "0b9c54a0-3f0e-4b0e-9d2c-1f2e3d4c5b6",
        "0b9c54a0-3f0e-4b0e-9d2c-1f2e3d4c5b6g",
        "0b9c54a0-3f0e-4b0e-9d2c+1f2e3d4c5b6a",
        "0b9c54a0-3f0e-4b0e-9d2c11f2e3d4c5b6a",
        "-b9c54a0-3f0e-4b0e-9d2c-1f2e3d4c5b6a",
    ] {
        assert!(!is_uuid(name), "{name}");
    }
}
