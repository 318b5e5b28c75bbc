"""Stores a POP3 password in a profile of Thunderbird's, as its password manager does.

usage: nss_login.py PROFILE HOST USER PASSWORD
"""

import base64
import ctypes
import json
import sys

profile, host, user, password = sys.argv[1:]
nss = ctypes.CDLL("/usr/lib/thunderbird/libnss3.so")


class Item(ctypes.Structure):
    _fields_ = [("type", ctypes.c_uint), ("data", ctypes.c_void_p), ("len", ctypes.c_uint)]


def item(octets):
    buffer = ctypes.create_string_buffer(octets, len(octets))
    return Item(0, ctypes.cast(buffer, ctypes.c_void_p), len(octets)), buffer


def encrypted(text):
    plain, buffer = item(text.encode())
    key, _ = item(b"")
    cipher = Item()
    assert nss.PK11SDR_Encrypt(ctypes.byref(key), ctypes.byref(plain), ctypes.byref(cipher), None) == 0
    del buffer
    return base64.b64encode(ctypes.string_at(cipher.data, cipher.len)).decode()


nss.PK11_GetInternalKeySlot.restype = ctypes.c_void_p
assert nss.NSS_InitReadWrite(f"sql:{profile}".encode()) == 0
slot = ctypes.c_void_p(nss.PK11_GetInternalKeySlot())
if nss.PK11_NeedUserInit(slot):
    assert nss.PK11_InitPin(slot, None, b"") == 0
login = {
    "id": 1,
    "hostname": f"mailbox://{host}",
    "httpRealm": f"mailbox://{host}",
    "formSubmitURL": None,
    "usernameField": "",
    "passwordField": "",
    "encryptedUsername": encrypted(user),
    "encryptedPassword": encrypted(password),
    "guid": "{11111111-2222-3333-4444-555555555555}",
    "encType": 1,
    "timesUsed": 1,
}
with open(f"{profile}/logins.json", "w") as file:
    json.dump({"nextId": 2, "logins": [login], "version": 3}, file)
nss.NSS_Shutdown()
