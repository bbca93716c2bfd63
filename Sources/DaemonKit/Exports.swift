// Who imports DaemonKit finds the options, the log, the listeners and the errors without knowing of another module.
@_exported import DaemonCore
