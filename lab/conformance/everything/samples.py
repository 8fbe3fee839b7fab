"""The smallest valid picture and sound that the suite's fixtures can return."""

import base64
import io
import struct
import wave
import zlib


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _red_pixel() -> bytes:
    """A PNG of one red pixel (8-bit RGB, one scan line with filter 0)."""
    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\x00\xff\x00\x00")
    chunks = (_chunk(b"IHDR", header), _chunk(b"IDAT", pixels), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _silence() -> bytes:
    """A WAV of eight silent samples, 8 kHz mono."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(8000)
        sound.writeframes(b"\x80" * 8)
    return buffer.getvalue()


PNG: bytes = _red_pixel()
PNG_BASE64: str = base64.b64encode(PNG).decode()
WAV_BASE64: str = base64.b64encode(_silence()).decode()
