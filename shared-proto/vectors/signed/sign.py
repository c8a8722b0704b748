"""Signatures of both wires in Python's standard library alone, and the maker of the vectors beside this file.

python3 sign.py          writes native.json and lab.json
python3 sign.py --check  fails unless they are what it would write
"""

import hashlib
import hmac
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
NATIVE = HERE.parent / "native"
KEY_FILE = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
LONG_KEY_FILE = "ff" * 63 + "0A"


def code(key, text):
    return hmac.new(key, text, hashlib.sha256).hexdigest()


def sign_native(key, topic, payload):
    """The native wire: the code of domain, topic and the payload's own bytes is put in as the last member."""
    body = payload.encode()[:-1]
    covered = b"edge-mqtt-v1\0" + topic.encode() + b"\0" + body
    return body.decode() + ',"hmac":"' + code(key, covered) + '"}'


def canonical(message):
    return json.dumps(message, sort_keys=True, separators=(",", ":"))


def sign_lab(key, message):
    """The classroom's wire: the code of the sorted object without blanks."""
    unsigned = {name: value for name, value in message.items() if name != "hmac"}
    return {**unsigned, "hmac": code(key, canonical(unsigned).encode())}


def native_cases():
    compact = lambda name: json.dumps(json.loads((NATIVE / name).read_text()), separators=(",", ":"), ensure_ascii=False)
    for name, key, topic, payload in [
        ("command", KEY_FILE, "edge/pi-01/command", compact("command-full.json")),
        ("command with blanks", KEY_FILE, "edge/pi-01/command", (NATIVE / "command-full.json").read_text().strip()),
        ("command with escapes", KEY_FILE, "site/edge/pi-01/command", compact("command-escapes.json")),
        ("report, longest key", LONG_KEY_FILE, "edge/pi-01/report", compact("report-full.json")),
        ("status", KEY_FILE, "edge/pi-01/status", compact("status-online.json")),
        ("acknowledgement", KEY_FILE, "edge/pi-01/ack", compact("ack-applied.json")),
    ]:
        # The hexadecimal digits of the key file stand for the bytes of the key.
        signed = sign_native(bytes.fromhex(key), topic, payload)
        yield {"name": name, "key_file": key, "topic": topic, "payload": payload, "signed": signed}


def lab_cases():
    stamp = {"device_id": "device1", "ts_ms": 1730000000000, "nonce": "b3f1a9c2"}
    data = {"jitter_ms": 1.2, "miss_rate": 0.01, "workload": 0.35}
    numbers = [0, -0.0, 1e-05, 0.0001, 123456789012345.6, 1e15, 1e16, 1.5e300, 5e-324, 0.1 + 0.2, 2**64, -(10**30)]
    for name, key, message, style in [
        ("metrics", KEY_FILE, {**stamp, "data": data}, {}),
        ("metrics, longest key", LONG_KEY_FILE, {**stamp, "data": data}, {}),
        ("command at the top", KEY_FILE, {**stamp, "Mode": "DEGRADED"}, {"separators": (",", ":")}),
        ("command in data", KEY_FILE, {**stamp, "data": {"mode": "NORMAL"}}, {"indent": 2}),
        ("numbers", KEY_FILE, {**stamp, "data": {"n": numbers}}, {}),
        ("texts", KEY_FILE, {**stamp, "é": '"\\/\b\f\n\r\t\x00\x7f', "z😀": "€\u2028\ud7ff\uffff😀"}, {"ensure_ascii": False}),
        ("order", KEY_FILE, {**stamp, "\uffff": 1, "😀": {"b": [], "a": {}}, "Z": None, "a": True}, {}),
    ]:
        # The characters of the key file are the key.
        signed = sign_lab(key.encode(), message)
        text = canonical({name: value for name, value in signed.items() if name != "hmac"})
        yield {"name": name, "key_file": key, "canonical": text, "signed": json.dumps(signed, **style)}


def main():
    for name, cases in [("native.json", native_cases()), ("lab.json", lab_cases())]:
        text = json.dumps(list(cases), indent=2) + "\n"
        if "--check" not in sys.argv[1:]:
            (HERE / name).write_text(text)
        elif (HERE / name).read_text() != text:
            sys.exit(f"{name} is not what sign.py writes")


if __name__ == "__main__":
    main()
