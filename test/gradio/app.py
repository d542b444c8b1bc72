"""A url2drive Space without Google: downloads a video from loopback and makes up where it would be in Drive."""

import argparse
import os
import socket
import time
import types
import urllib.request
import uuid

import gradio as gr
import gradio.routes
import gradio.utils
import uvicorn
from fastapi import FastAPI
from fastapi.responses import HTMLResponse


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--inputs", type=int, choices=(2, 3), default=3)
    parser.add_argument("--max-size", type=int, default=20, help="most uploads in the queue")
    parser.add_argument("--token", help="what a private Space asks for on every request")
    return parser.parse_args()


OPTIONS = arguments()
PASSWORD = os.environ["SPACE_PASSWORD"]


def upload(url: str, password: str, username: str = "") -> dict:
    """Takes as long as the server of the video, and fails with an exception when its address has `?mode=raise`."""
    if password != PASSWORD:
        return {"status": "error", "message": "❌ 密码错误，拒绝访问。"}
    if "mode=raise" in url:
        raise gr.Error(f"The function was given {password} and fails")
    request = urllib.request.Request(url, headers={"x-username": username})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            size = len(answer.read())
    except OSError as error:
        return {"status": "error", "message": str(error)}
    file_id = uuid.uuid4().hex
    return {
        "status": "success",
        "filename": f"{size}.mp4",
        "file_id": file_id,
        "download_link": f"https://drive.google.com/uc?id={file_id}&export=download",
        "view_link": f"https://drive.google.com/file/d/{file_id}/view?usp=drivesdk",
    }


def upload_of_two(file_url: str, password: str) -> dict:
    return upload(file_url, password)


def space() -> gr.Blocks:
    with gr.Blocks() as blocks:
        inputs = [gr.Textbox(label="url"), gr.Textbox(label="password")]
        if OPTIONS.inputs == 3:
            inputs.append(gr.Textbox(label="username", value=""))
        button = gr.Button()
        button.click(
            upload if OPTIONS.inputs == 3 else upload_of_two,
            inputs=inputs,
            outputs=gr.JSON(),
            api_name="upload",
        )
    return blocks.queue(max_size=OPTIONS.max_size)


# Time that runs fifty times as fast, so that the servers send their heartbeats every 0.3 s instead of 15.
gradio.routes.time = types.SimpleNamespace(
    perf_counter=lambda: time.perf_counter() * 50, time=time.time, monotonic=time.monotonic
)
gradio.utils.get_heartbeat_rate = lambda: 0.3


def main() -> None:
    blocks = space()
    app = FastAPI()

    @app.middleware("http")
    async def private(request, call_next):
        if OPTIONS.token and request.headers.get("authorization") != f"Bearer {OPTIONS.token}":
            return HTMLResponse("<!doctype html><title>404</title><h1>Not found</h1>", status_code=404)
        return await call_next(request)

    app = gr.mount_gradio_app(app, blocks, path="")
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


main()
