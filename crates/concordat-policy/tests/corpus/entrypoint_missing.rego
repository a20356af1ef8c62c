# expect: 3:1 missing_entrypoint
# in: access/access.rego
package concordat.access

default allow := false
