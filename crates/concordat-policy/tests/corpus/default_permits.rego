# expect: 5:21 unsafe_default
# in: access/access.rego
package concordat.access

default decision := {"answer": "permit"}
