#!/bin/sh
# Makes the certificates of the tests anew: an authority, a server on this machine and a client, for 100 years.
# The keys are for nothing else.
set -eu
cd "$(dirname "$0")"
key() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }
issue() {
    key "$1.key"
    openssl req -new -key "$1.key" -subj "/CN=$2" |
        openssl x509 -req -CA authority.pem -CAkey authority.key -days 36500 -out "$1.pem" -extfile "$1.ext"
    rm "$1.ext"
}
key authority.key
openssl req -x509 -key authority.key -days 36500 -subj "/CN=Authority of the tests" -out authority.pem \
    -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign"
printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n' >server.ext
issue server localhost
printf 'subjectAltName=DNS:gateway.example\nextendedKeyUsage=clientAuth\nbasicConstraints=CA:FALSE\n' >client.ext
issue client gateway.example
rm authority.key
