import DaemonKit
import MasterRuntime
import Supervision
import Text
import Unix

extension Configuration {
    /// From the stop signal to KILL, where nothing else is said: systemd's own default.
    static let usualStopTimeout = Duration.seconds(90)

    /// What the engine is to do: services in the order of the files.
    func plan() -> Plan {
        var plan = Plan(services: services.map(service))
        plan.maximumOldGenerations = global.maxOldGenerations
        plan.maximumOldAge = global.hardStopAfter
        plan.stopsOnFailure = !global.noExitOnFailure
        plan.reloadsAfterUpgrade = true
        return plan
    }

    func controls() throws(DaemonError) -> [ControlSocketRequest] {
        var requests: [ControlSocketRequest] = []
        for socket in global.controlSockets {
            var options = AddressOptions()
            (options.user, options.group) = (socket.user, socket.group)
            var request = ControlSocketRequest(socket.path)
            (request.mode, request.level) = (socket.mode, socket.level)
            request.owner = try SocketSettings(options).owner
            requests.append(request)
        }
        return requests
    }

    private func service(_ section: ServiceSection) -> Service {
        var service = Service(name: section.name, stopSignal: section.stopSignal.rawValue)
        service.instances = section.instances
        service.readiness = section.type == .oneshot ? .completed : section.readiness
        service.startTimeout = section.startTimeout ?? global.startTimeout
        service.restart = section.restart
        service.restart.successCodes = section.successStatus
        service.restart.finalCodes = section.finalStatus
        service.stopTimeout = stopTimeout(of: section)
        service.onReload = section.onReload
        service.watchdog = section.watchdog
        service.after = section.after.map(\.name)
        service.requires = section.requires.map(\.name)
        service.isCritical = section.isCritical
        return service
    }

    private func stopTimeout(of section: ServiceSection) -> Duration? {
        switch section.stopTimeout {
        case .usual: global.hardStopAfter ?? Self.usualStopTimeout
        case .after(let time): time
        case .none: nil
        }
    }
}
