"""Over TLS: a target is loaded as well, and one whose certificate cannot be trusted is refused."""

import datetime as dt
import ipaddress
import os
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.loadtest.drive import BUSY, finished
from tests.loadtest.target import Target


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate for 127.0.0.1 with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "load test target")])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "certificate.pem"
    plain, pkcs8 = serialization.NoEncryption(), serialization.PrivateFormat.PKCS8
    pem = serialization.Encoding.PEM
    file.write_bytes(made.public_bytes(pem) + key.private_bytes(pem, pkcs8, plain))
    return file


async def test_a_target_is_loaded_over_tls_if_its_certificate_is_trusted(certificate):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    async with Target(tls=context, fault=lambda n: "closes" if n % 7 == 6 else "").serving() as t:
        words = ("test_swarm_load.py", "--url", t.url, BUSY)
        trusted = {**os.environ, "SSL_CERT_FILE": str(certificate)}
        code, out, err = await finished(*words, env=trusted)
        stranger, said, why = await finished(*words)

    assert (code, err) == (0, "")
    assert "100.00 %" in out
    assert (stranger, said) == (3, "")
    assert "TLS: CERTIFICATE_VERIFY_FAILED" in why
