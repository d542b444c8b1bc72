using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [(name = "worker", esModule = embed "worker.js")],
      # From 2026-08-04 on, nodejs_compat is on.
      compatibilityDate = "2026-11-17",
      bindings = [
        (name = "SANDBOX", fromEnvironment = "SANDBOX"),
        (name = "BACKEND", durableObjectNamespace = "Backend"),
      ],
      durableObjectNamespaces = [(className = "Backend", uniqueKey = "backend", preventEviction = true)],
      durableObjectStorage = (inMemory = void),
      globalOutbound = "loopback",
    )),
    # For the sandbox of the test; without it, workerd connects to public addresses alone.
    (name = "loopback", network = (allow = ["local"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
