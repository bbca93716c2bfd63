import DaemonKit
import MasterRuntime
import Text
import Unix

// HAProxy's master-worker mode and `program` sections, for any command.

let configurationFiles = Option<[String]>(
    files: "config", short: "c", default: ["/etc/masterd/masterd.cfg"],
    help: "Configuration file, or a directory of *.cfg files; repeatable")

// Its children have time-outs of their own, or none: `--stop` waits for them.
let masterd = Daemon(
    "masterd", version: releaseVersion, summary: "Runs, reloads and restarts workers and programs under one master.",
    gracePeriod: .seconds(86_400))

func loader(_ values: OptionValues) -> ConfigurationLoader {
    ConfigurationLoader(
        values[configurationFiles], isDetached: !values[StandardOption.foreground],
        isChecked: values[StandardOption.check])
}

/// The files are read before anything is made. One line a mistake, as compilers print them.
func check(_ values: OptionValues) throws(DaemonError) -> Configuration {
    do {
        return try loader(values).load()
    } catch {
        try? Descriptor.writeAll(2, VisibleText.lines(error.text))
        throw DaemonError("")
    }
}

func frontEnd(_ start: MasterStart, _ checked: Configuration?) -> FrontEnd {
    let services = ConfiguredServices(loader(start.values), start.log, inherited: start.inherited.take())
    var frontEnd = FrontEnd.configured(services, version: masterd.version)
    // A name that is gone since the check is an error of the first load.
    frontEnd.controls = (try? checked?.controls()) ?? []
    return frontEnd
}

genericMaster(
    masterd,
    options: .standard.without(
        StandardOption.workers, StandardOption.controlSocket, StandardOption.user, StandardOption.group,
        StandardOption.chroot, StandardOption.printService)
        + [configurationFiles],
    manual: manual, check: check, frontEnd: frontEnd)
