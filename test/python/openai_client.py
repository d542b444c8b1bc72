"""Calls a backend with the official client, and prints what came of it as JSON: openai_client.py COMMAND ARGUMENTS."""

import hashlib
import json
import sys

from openai import APIError, APIStatusError, OpenAI

PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452")


def outcome(call):
    """What a call gives or raises."""
    try:
        return {"value": call()}
    except APIStatusError as error:
        return {
            "error": type(error).__name__,
            "status": error.status_code,
            "code": error.code,
            "type": error.type,
            "param": error.param,
            "retryAfter": error.response.headers.get("retry-after"),
        }
    except APIError as error:
        return {"error": type(error).__name__, "code": error.code, "body": error.body}


def messages(prompt):
    return [{"role": "user", "content": prompt}]


def whole(client, prompt):
    completion = client.chat.completions.create(model="sora-1.0", messages=messages(prompt))
    return completion.choices[0].message.content


def open_stream(client, prompt, **more):
    return client.chat.completions.create(model="sora-1.0", messages=messages(prompt), stream=True, **more)


def videos(client):
    video = client.videos.create_and_poll(
        prompt="A cat", model="sora-2", seconds="8", size="1280x720", input_reference=("cat.png", PNG, "image/png")
    )
    content = client.videos.download_content(video.id, variant="video").read()
    remix = client.videos.remix(video.id, prompt="A cat with a hat")
    polled = client.videos.poll(remix.id, poll_interval_ms=10)
    page = client.videos.list(limit=1)
    listed = [listed.id for listed in page]
    oldest = [listed.id for listed in client.videos.list(limit=1, order="asc")]
    deleted = client.videos.delete(video.id)
    return {
        "video": video.model_dump(),
        "sha256": hashlib.sha256(content).hexdigest(),
        "remix": polled.model_dump(),
        "hasMore": page.has_more,
        "listed": listed,
        "oldest": oldest,
        "deleted": deleted.model_dump(),
        "gone": outcome(lambda: client.videos.retrieve(video.id)),
        "goneContent": outcome(lambda: client.videos.download_content(video.id)),
    }


def chat(client, prompt):
    chunks = list(open_stream(client, prompt, stream_options={"include_usage": True}))
    with client.chat.completions.stream(model="sora-1.0", messages=messages(prompt)) as stream:
        final = stream.get_final_completion()
    return {
        "whole": whole(client, "A cat"),
        "contents": [chunk.choices[0].delta.content for chunk in chunks if chunk.choices],
        "finish": [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1],
        "usage": chunks[-1].usage is not None,
        "final": final.choices[0].message.content,
        "models": [model.id for model in client.models.list()],
    }


def errors(client, kinds):
    def of(kind):
        stream = outcome(lambda: list(open_stream(client, f"fail {kind}")))
        return {
            "video": outcome(lambda: client.videos.create(prompt=f"refuse {kind}").id),
            "whole": outcome(lambda: whole(client, f"refuse {kind}")),
            "late": outcome(lambda: whole(client, f"lose {kind}")),
            "stream": outcome(lambda: bool(open_stream(client, f"refuse {kind}"))),
            "midStream": stream,
        }

    return {kind: of(kind) for kind in json.loads(kinds)}


def refusals(client, wrong_key):
    stranger = client.copy(api_key=wrong_key)
    return {
        "key": outcome(lambda: stranger.videos.create(prompt="A cat").id),
        "chatKey": outcome(lambda: whole(stranger, "A cat")),
        "streamKey": outcome(lambda: bool(open_stream(stranger, "A cat"))),
        "prompt": outcome(lambda: client.videos.create(prompt="").id),
        "model": outcome(lambda: client.videos.create(prompt="A cat", model="gpt-9").id),
        "video": outcome(lambda: client.videos.retrieve("video_0").id),
        "failed": outcome(lambda: client.videos.create_and_poll(prompt="fail content-policy").error.code),
    }


def create(client, prompt, headers):
    return outcome(lambda: client.videos.create(prompt=prompt, extra_headers=json.loads(headers)).id)


def ask(client, prompt, headers):
    given = json.loads(headers)
    call = client.chat.completions.create
    return outcome(lambda: call(model="sora-1.0", messages=messages(prompt), extra_headers=given).choices[0].message.content)


COMMANDS = {run.__name__: run for run in (videos, chat, errors, refusals, create, ask)}

if __name__ == "__main__":
    command, options, *arguments = sys.argv[1:]
    print(json.dumps(COMMANDS[command](OpenAI(**json.loads(options)), *arguments)))
