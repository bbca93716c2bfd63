import DaemonKit
import Supervision
import Unix

enum ServiceKeyword: String, CaseIterable {
    case command, instances, listen, readiness, restart
    case startTimeout = "start-timeout"
    case stopSignal = "stop-signal"
    case stopTimeout = "stop-timeout"
    case user, group, chdir, directory, umask, setenv, after, requires, critical, log, watchdog, channel
    case limit, nice, cgroup
    case oomScoreAdjust = "oom-score-adjust"
    case envFile = "env-file"
    case notifyAccess = "notify-access"
    case onMasterDeath = "on-master-death"
    case successStatus = "success-status"
    case finalStatus = "final-status"
    // What a reload does to a program; a worker is replaced.
    case type, option
    case reloadSignal = "reload-signal"
    case onReload = "on-reload"

    static let worker = allCases.prefix { $0 != .type }

    /// What may stand once in a section only, and under which name: of two ways to say one thing, one.
    var key: String? {
        switch self {
        case .listen, .setenv, .envFile, .limit, .cgroup, .after, .requires: nil
        case .directory: ServiceKeyword.chdir.rawValue
        case .option, .reloadSignal: ServiceKeyword.onReload.rawValue
        default: rawValue
        }
    }
}

extension ConfigurationParser {
    mutating func readService(_ line: inout Line) throws(Complaint) {
        let known = section == .worker ? Array(ServiceKeyword.worker) : ServiceKeyword.allCases
        guard let keyword = ServiceKeyword(rawValue: line.keyword), known.contains(keyword) else {
            throw unknownKeyword(line, known.map(\.rawValue))
        }
        if let key = keyword.key { try once(line, as: key) }
        let last = configuration.services.count - 1
        configuration.services[last].note(keyword == .directory ? .chdir : keyword, at: line.place)
        try configuration.services[last].read(keyword, &line)
        try line.finish()
    }
}
