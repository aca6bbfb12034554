# SPDX-License-Identifier: Apache-2.0
"""Those who vouch for a log: a timestamp service (openssl ts, with certificates made to order) and a witness in the
manner of C2SP tlog-witness, which knows nothing of our code. And the tree over seals once more."""

import base64
import datetime
import os
import re
import subprocess

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

import seals

CONFIG = """
[ tsa ]
default_tsa = here
[ here ]
serial = {top}/serial
signer_cert = {top}/tsa.crt
signer_key = {top}/tsa.key
signer_digest = {digest}
default_policy = 1.2.3.4.1
other_policies = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
ess_cert_id_alg = sha256
clock_precision_digits = {precision}
"""


def checkpoint_text(builder, n=None):
    """What a log's checkpoint over its first n seals must be."""
    n = len(builder.seals) if n is None else n
    newest = builder.seals[n - 1]
    root = seals.merkle_root([seals.leaf(text) for text in builder.texts[:n]])
    return (f"{builder.origin}\n{n}\n{seals.b64(root)}\nseal {n - 1} {seals.seal_hash(builder.texts[n - 1])}\n"
            f"seq {newest['last_seq']} {newest['last_time']}\n").encode()


# --- a timestamp service --------------------------------------------------------------------------

def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


class TimestampService:
    """An authority and a service that it vouches for. valid: seconds from now, begin and end of the service's
    certificate; key: its private key; digest: what it signs with; precision: digits behind the second."""

    def __init__(self, top, valid=(-3600, 86400), key=None, digest="sha256", precision=0):
        os.makedirs(top, exist_ok=True)
        self.top = top
        self.authority = "Authority of " + os.path.basename(top)
        self.ca = os.path.join(top, "ca.crt")
        self.certificate = os.path.join(top, "tsa.crt")
        self.now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
        ca_key = ec.generate_private_key(ec.SECP256R1())
        service_key = key or ec.generate_private_key(ec.SECP256R1())
        self._write("ca.crt", self._ca(ca_key))
        self._write("tsa.crt", self._service(service_key, ca_key, valid))
        self._write("tsa.key", _pem(service_key))
        self._write("serial", b"01\n")
        self._write("tsa.cnf", CONFIG.format(top=top, digest=digest, precision=precision).encode())

    def _write(self, name, data):
        with open(os.path.join(self.top, name), "wb") as f:
            f.write(data)

    def _certificate(self, name, issuer, public, begin, end):
        return (x509.CertificateBuilder().subject_name(_name(name)).issuer_name(_name(issuer)).public_key(public)
                .serial_number(x509.random_serial_number())
                .not_valid_before(self.now + datetime.timedelta(seconds=begin))
                .not_valid_after(self.now + datetime.timedelta(seconds=end)))

    def _ca(self, key):
        made = self._certificate(self.authority, self.authority, key.public_key(), -86400, 86400 * 3650)
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def _service(self, key, ca_key, valid):
        made = self._certificate("Timestamps", self.authority, key.public_key(), *valid)
        made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        return made.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def stamp(self, request):
        """The reply to a request, both as bytes."""
        query, reply = os.path.join(self.top, "query"), os.path.join(self.top, "reply")
        self._write("query", request)
        done = subprocess.run(["openssl", "ts", "-reply", "-queryfile", query, "-out", reply,
                               "-config", os.path.join(self.top, "tsa.cnf")], capture_output=True, check=False)
        if done.returncode != 0:
            raise AssertionError(done.stderr.decode(errors="replace"))
        with open(reply, "rb") as f:
            return f.read()

    def verify(self, text, reply):
        """What openssl says of a reply: None, or what is wrong."""
        self._write("text", text)
        self._write("reply", reply)
        done = subprocess.run(["openssl", "ts", "-verify", "-data", os.path.join(self.top, "text"), "-in",
                               os.path.join(self.top, "reply"), "-CAfile", self.ca], capture_output=True, check=False)
        return None if done.returncode == 0 and b"Verification: OK" in done.stdout + done.stderr else done.stderr.decode()


def request(text, *options):
    """A request as `openssl ts -query` makes it."""
    return subprocess.run(["openssl", "ts", "-query", "-data", "/dev/stdin", *options], input=text, capture_output=True,
                          check=True).stdout


def weak_key():
    """RSA of 1,024 bits."""
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)


# --- a witness ------------------------------------------------------------------------------------

class Witness:
    """Cosigns a checkpoint that the log's operator has signed, unless it goes back on an earlier one."""

    def __init__(self, name="witness.example/w1", seed=b"w" * 32, now=None):
        self.name, self.seed, self.now = name, seed, now
        self.public = seals.public_of(seed)
        self.vkey = seals.vkey(name, self.public, 4)
        self.logs = {}  # origin: (size, root)

    def cosign(self, note, operator):
        """The signature line for a note by the operator's verifier key."""
        text, signatures = seals.parse_note(note)
        seals.check_signature(text, signatures, *seals.parse_vkey(operator))
        origin, size, root = text.decode().split("\n")[:3]
        before = self.logs.get(origin, (0, ""))
        if int(size) < before[0] or int(size) == before[0] and root != before[1]:
            raise AssertionError("the log has been cut back")
        self.logs[origin] = (int(size), root)
        return self.line(text)

    def line(self, text, now=None):
        """The cosignature line of a text (C2SP tlog-cosignature)."""
        now = self.now if now is None else now
        message = f"cosignature/v1\ntime {now}\n".encode() + text
        signature = seals.Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)
        blob = seals.key_id(self.name, self.public, 4) + now.to_bytes(8, "big") + signature
        return f"\u2014 {self.name} {base64.b64encode(blob).decode()}\n".encode()


def operator_key(path, seed=b"o" * 32):
    """A private key as `openssl genpkey -algorithm ed25519` writes it."""
    with open(path, "wb") as f:
        f.write(_pem(seals.Ed25519PrivateKey.from_private_bytes(seed)))
    return path


def time_of(said):
    """The time in what a command printed."""
    return re.search(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", said)[0]
