/// The version of what is built here, in this one place: a test finds whatever says another.
package let releaseVersion = "0.1.0"
