import DaemonCore
import Text
import Unix

/// A Deployment, and a Service where the daemon listens: for the image that `--print-service containerfile` describes.
extension Deployment {
    /// How long it goes on as before when it is to end: nodes that have not heard of it still send clients.
    private var handoverSeconds: Int64 { containerPorts.isEmpty ? 0 : 5 }

    var kubernetesManifest: String {
        joinedLines(
            manifestHead + [
                "apiVersion: apps/v1",
                "kind: Deployment",
                "metadata:",
                "  name: \(clusterName)",
                "  labels:",
                "    app.kubernetes.io/name: \(clusterName)",
                "  annotations:",
                "    kubernetes.io/description: \(Quoting.json(summary))",
                "spec:",
                "  replicas: 2",
                "  selector:",
                "    matchLabels:",
                "      app.kubernetes.io/name: \(clusterName)",
                "  strategy:",
                "    rollingUpdate:",
                "      # The new ones serve before the old ones end.",
                "      maxSurge: 1",
                "      maxUnavailable: 0",
                "  template:",
                "    metadata:",
                "      labels:",
                "        app.kubernetes.io/name: \(clusterName)",
                "    spec:",
            ] + podLines + containerLines + serviceObject)
    }

    private var manifestHead: [String?] {
        [
            "# Kubernetes manifest of \(name), as `\(name) --print-service kubernetes` prints it, for the image that",
            "# `\(name) --print-service containerfile` describes: put your registry before its name.",
            "#     kubectl apply --server-side --filename \(clusterName).yaml",
            "#",
            "# Metrics: \(name) has no port for them, so there is nothing here for a ServiceMonitor to find. With --workers",
            "# and --control-socket=PATH the answer to `show metrics` on that socket is OpenMetrics text. To have it scraped",
            "# add a sidecar that mounts the socket's directory, runs as the same user, asks the socket at each GET, and",
            "# has the port that a ServiceMonitor names.",
            changesRoot ? "#\n# --chroot is left out: the container has a root of its own." : nil,
            daemon.listens.isEmpty || !containerPorts.isEmpty
                ? nil
                : "#\n# No Service: as it is called, \(name) listens on no port that other pods can reach.",
        ]
    }

    private var podLines: [String?] {
        let unprivilegedPorts: [String?] =
            needsPrivilegedPort
            ? [
                "        # So that it can bind its port without being root.",
                "        sysctls:",
                "          - name: net.ipv4.ip_unprivileged_port_start",
                "            value: \"0\"",
            ] : []
        return [
            "      automountServiceAccountToken: false",
            "      enableServiceLinks: false",
            handoverSeconds > 0
                ? "      # preStop's \(handoverSeconds) s, and what \(name) takes to end at the most."
                : "      # What \(name) takes to end at the most.",
            "      terminationGracePeriodSeconds: \(handoverSeconds.addingSaturated(stopTimeout))",
            "      securityContext:",
            "        runAsNonRoot: true",
            "        runAsUser: \(containerUser)",
            "        runAsGroup: \(containerGroup)",
            containerDirectories.isEmpty ? nil : "        fsGroup: \(containerGroup)",
            "        seccompProfile:",
            "          type: RuntimeDefault",
        ] + unprivilegedPorts
            + (containerDirectories.isEmpty ? [] : ["      volumes:"])
            + containerDirectories.indices.flatMap { index in
                [
                    "        - name: \(volume(index))",
                    "          emptyDir:",
                    "            medium: Memory",
                    "            sizeLimit: 16Mi",
                ]
            }
    }

    private func volume(_ index: Int) -> String { index == 0 ? "run" : "run-\(index + 1)" }

    private var containerLines: [String?] {
        let words = containerCommand.map { "            - \(Quoting.kubernetesWord($0))" }
        let ports = containerPorts.flatMap {
            [
                "            - name: \($0.name)",
                "              containerPort: \($0.port)",
                "              protocol: \($0.name.uppercased())",
            ]
        }
        let mounts = zip(containerDirectories.indices, containerDirectories).flatMap { index, directory in
            [
                "            - name: \(volume(index))",
                "              mountPath: \(Quoting.json(directory))",
            ]
        }
        return [
            "      containers:",
            "        - name: \(clusterName)",
            "          image: \(containerImage)",
            "          command:",
        ] + words
            + (ports.isEmpty ? [] : ["          ports:"]) + ports
            + readinessLines + handoverLines + [
                "          # Left to you: what it needs and what it may take.",
                "          # resources:",
                "          #   requests: {cpu: 100m, memory: 32Mi}",
                "          #   limits: {memory: 128Mi}",
                "          securityContext:",
                "            allowPrivilegeEscalation: false",
                "            readOnlyRootFilesystem: true",
                "            capabilities:",
                "              drop:",
                "                - ALL",
            ] + (mounts.isEmpty ? [] : ["          volumeMounts:"]) + mounts
    }

    private var readinessLines: [String?] {
        let probe =
            containerPorts.contains { $0.name == "tcp" }
            ? [
                "          # The port is bound early: clients that come before it serves wait in the queue.",
                "          readinessProbe:",
                "            tcpSocket:",
                "              port: tcp",
            ]
            : [
                "          readinessProbe:",
                "            exec:",
                "              command:",
            ] + containerStatus.map { "                - \(Quoting.kubernetesWord($0))" }
        return probe + [
            "            periodSeconds: 5",
            "          # No livenessProbe: a daemon that fails ends, and is then started again.",
        ]
    }

    /// The pod's address is taken out of the Service while TERM is sent, not before.
    private var handoverLines: [String?] {
        guard handoverSeconds > 0 else { return [] }
        return [
            "          # At TERM it accepts no more: before that all nodes must know. Kubernetes 1.30 and later.",
            "          lifecycle:",
            "            preStop:",
            "              sleep:",
            "                seconds: \(handoverSeconds)",
        ]
    }

    private var serviceObject: [String?] {
        guard !containerPorts.isEmpty else { return [] }
        let ports = containerPorts.flatMap {
            [
                "    - name: \($0.name)",
                "      port: \($0.port)",
                "      protocol: \($0.name.uppercased())",
                "      targetPort: \($0.name)",
            ]
        }
        return [
            "---",
            "apiVersion: v1",
            "kind: Service",
            "metadata:",
            "  name: \(clusterName)",
            "  labels:",
            "    app.kubernetes.io/name: \(clusterName)",
            "spec:",
            "  selector:",
            "    app.kubernetes.io/name: \(clusterName)",
            "  ports:",
        ] + ports
    }
}
