#!/bin/sh
# Makes an authority for the etcd of Locum's controllers, and what each of its hosts needs, into etcd-tls/HOST: etcd/ for the member, which
# shows it to the others and to clients, and locum/etcd/ for the controller, which is a client. Needs openssl 3.
#
#   make-certificates.sh controller-1 controller-2 controller-3
#
# Again with other hosts, in the same folder, it makes theirs with the same authority. Whoever has a certificate of this authority may write
# the store: it is for nothing else, and its key (etcd-tls/ca.key) for no host.
set -eu
[ $# -gt 0 ] || { echo "usage: $0 HOST..." >&2; exit 2; }
umask 077
mkdir -p etcd-tls
cd etcd-tls
new_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }

if [ ! -e ca.crt ]; then
  new_key ca.key
  openssl req -x509 -new -key ca.key -days 3650 -subj '/O=Locum/CN=etcd of Locum' -out ca.crt
fi

# $1 is the folder, $2 the name in it, $3 the lines of its extensions.
issue() {
  mkdir -p "$1"
  cp ca.crt "$1/ca.crt"
  new_key "$1/tls.key"
  printf '%s\n' 'basicConstraints=critical,CA:FALSE' 'keyUsage=critical,digitalSignature' "$3" >extensions
  openssl req -new -key "$1/tls.key" -subj "/O=Locum/CN=$2" |
    openssl x509 -req -CA ca.crt -CAkey ca.key -CAcreateserial -days 1825 -extfile extensions -out "$1/tls.crt" 2>/dev/null
  rm extensions
}

for host; do
  # A member is a client of the others as well.
  issue "$host/etcd" "$host" "$(printf '%s\n' "subjectAltName=DNS:$host,DNS:localhost" 'extendedKeyUsage=serverAuth,clientAuth')"
  issue "$host/locum/etcd" "locum-$host" 'extendedKeyUsage=clientAuth'
done
