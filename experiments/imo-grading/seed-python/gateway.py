import json
import os
import socket
from http.client import HTTPConnection


class UnixConnection(HTTPConnection):
    """HTTP over the Unix socket at `path`."""

    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self.path)


def ask_model(messages, tools=None):
    """
    Asks the model behind the gateway for one chat completion (OpenAI's protocol).
    Returns the assistant's message. Raises an error with the gateway's own words when it refuses.
    """
    body = {"model": "default", "messages": messages}
    if tools is not None:
        body["tools"] = tools
    call = UnixConnection(os.environ["GALAPAGOS_GATEWAY"])
    try:
        call.request("POST", "/v1/chat/completions", json.dumps(body).encode(), {"content-type": "application/json"})
        response = call.getresponse()
        answer = response.read().decode("utf-8", "replace")
    finally:
        call.close()
    if response.status != 200:
        raise RuntimeError(f"gateway {response.status}: {answer[:500]}")
    return json.loads(answer)["choices"][0]["message"]
