import DaemonCore
import Text

/// containerfile(5), which Docker calls Dockerfile.
extension Deployment {
    var containerFile: String {
        let directories = containerDirectories
        let made = directories.map { Quoting.shell("/image/directories\($0)") }.joined(separator: " ")
        return joinedLines(
            containerHead + [
                "# A newer compiler: --build-arg SWIFT=...",
                "ARG SWIFT=6.3",
                "FROM docker.io/library/swift:${SWIFT} AS build",
                "WORKDIR /source",
                "COPY . .",
                "RUN swift build --configuration release --product \(Quoting.shell(name)) --scratch-path /build \\",
                "        --static-swift-stdlib -Xswiftc -static-executable --disable-local-rpath \\",
                "    && install -D --strip \(Quoting.shell("/build/release/\(name)")) "
                    + Quoting.shell("/image/\(name)") + (directories.isEmpty ? "" : " \\"),
                directories.isEmpty ? nil : "    && mkdir -p \(made)",
                "",
                "FROM scratch",
                "COPY --from=build \(Quoting.jsonList(["/image/\(name)", containerProgram]))",
                directories.isEmpty ? nil : "# The daemon makes files only here; a tmpfs where the root is read-only.",
                directories.isEmpty
                    ? nil : "COPY --from=build --chown=\(containerUser):\(containerGroup) /image/directories/ /",
                "USER \(containerUser):\(containerGroup)",
                containerPorts.isEmpty
                    ? nil : "EXPOSE \(containerPorts.map { "\($0.port)/\($0.name)" }.joined(separator: " "))",
                "STOPSIGNAL SIGTERM",
                "# Shown as the container's health: whether the daemon runs.",
                "HEALTHCHECK CMD \(Quoting.jsonList(containerStatus))",
                "ENTRYPOINT \(Quoting.jsonList(containerCommand))",
            ])
    }

    private var containerHead: [String?] {
        let account = "uid=\(containerUser),gid=\(containerGroup)"
        let mounts = containerDirectories.map { "--tmpfs " + Quoting.shell("\($0):\(account)") }
        let ports = containerPorts.map { "--publish \($0.port):\($0.port)/\($0.name)" }
        return [
            "# Containerfile of \(name), as `\(name) --print-service containerfile` prints it: the static executable as",
            "# process 1, and nothing else. In the package's directory:",
            "#     docker build --file Containerfile.\(name) --tag \(containerImage) .",
            "#     docker run --read-only \((["--stop-timeout \(stopTimeout)"] + mounts).joined(separator: " ")) \\",
            "#         \((ports + [containerImage]).joined(separator: " "))",
            "# The same with podman. More options of the daemon follow the image's name: the last one wins.",
            needsPrivilegedPort
                ? "# Its port wants root or `--sysctl net.ipv4.ip_unprivileged_port_start=0`, Docker's default since 20.10."
                : nil,
            changesRoot ? "# --chroot is left out: the container has a root of its own." : nil,
        ]
    }
}
