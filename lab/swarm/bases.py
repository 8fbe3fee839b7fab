"""Stand-ins for the public base images, where no image registry is reached.

Each is made of Debian's packages under the very name that the Dockerfile or stack.yml gives,
so that both are used unchanged. Python's is this machine's CPython of the image's version, if
there is one, else the one that runs the tests. What was made is kept as one file in the cache folder.
"""

import hashlib
import re
import tempfile
from pathlib import Path

from lab.swarm import interpreter, places
from lab.swarm.commands import PROJECT, run
from lab.swarm.engine import Engine

MIRROR = "http://deb.debian.org/debian"
DEBIAN = "mcp-swarm-lab/debian"
NOT_NEEDED = (
    "usr/share/doc/* usr/share/man/* usr/share/locale/* "
    "var/cache/apt/*.bin var/cache/apt/archives/*.deb var/lib/apt/lists/*"
)
FOLDER = Path(__file__).parent / "bases"


def wanted() -> dict[str, str]:
    """Recipe (a file in bases/) → the image's name, as Dockerfile and stack.yml have it."""
    stack = (PROJECT / "stack.yml").read_text()
    named = dict(re.findall(r"\$\{(HAPROXY|REDIS|POSTGRES)_IMAGE:-([^}]+)\}", stack))
    names = {recipe.lower(): name for recipe, name in named.items()}
    return {"python": f"python:{interpreter.of_image().version}-slim", **names}


def provide(builder: Engine) -> None:
    """Puts the base images into ``builder``, from the cache if they were made before."""
    kept = places.cache() / f"bases-{_fingerprint()}.tar"
    if not kept.exists():
        _make(builder)
        half = kept.with_suffix(".half")
        builder.docker("save", "-o", str(half), *wanted().values(), timeout=300)
        for old in kept.parent.glob("bases-*.tar"):
            old.unlink()
        half.rename(kept)
    else:
        builder.docker("load", "-q", "-i", str(kept), timeout=300)


def _fingerprint() -> str:
    """Changes with whatever the images are made of."""
    parts = [repr(sorted(wanted().items())), repr(interpreter.of_image()), _release()]
    files = [*sorted(FOLDER.iterdir()), Path(__file__), Path(interpreter.__file__)]
    parts += [file.read_text() for file in files]
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:16]


def _release() -> str:
    """This machine's Debian, whose C library the copied CPython needs."""
    return run("sh", "-c", ". /etc/os-release && echo $VERSION_CODENAME")


def _make(builder: Engine) -> None:
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder)
        libraries = interpreter.copy_to(context / "usr-local")
        _make_debian(builder, context / "debian", libraries)
        for recipe, name in wanted().items():
            file = FOLDER / f"{recipe}.Dockerfile"
            # The machine's own network: the builder has no bridge.
            build = ("build", "-q", "--network=host", "-f", str(file), "-t", name)
            builder.docker(*build, str(context if recipe == "python" else FOLDER), timeout=600)


def _make_debian(builder: Engine, root: Path, libraries: list[str]) -> None:
    include = ",".join(["ca-certificates", *libraries])
    run(
        *("debootstrap", "--variant=minbase", f"--include={include}", _release()),
        *(str(root), MIRROR),
        timeout=600,
    )
    # This machine's certificates: it may reach package registries by a proxy of its own.
    bundle = "etc/ssl/certs/ca-certificates.crt"
    run("cp", f"/{bundle}", str(root / bundle))
    run("sh", "-c", f"rm -rf {NOT_NEEDED}", cwd=root)
    archive = root.with_suffix(".tar")
    run("tar", "-C", str(root), "-cf", str(archive), ".", timeout=300)
    run("rm", "-rf", str(root))
    variables = {
        "PATH": "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
        "PIP_CERT": f"/{bundle}",
        "SSL_CERT_FILE": f"/{bundle}",
        "DEBIAN_FRONTEND": "noninteractive",
    }
    flags = [flag for name, value in variables.items() for flag in ("-c", f"ENV {name}={value}")]
    builder.docker("import", *flags, str(archive), DEBIAN, timeout=300)
    archive.unlink()
