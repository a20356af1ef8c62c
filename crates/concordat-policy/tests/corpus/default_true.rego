# expect: 6:1 wrong_answer
# expect: 6:21 unsafe_default
# in: access/access.rego
package concordat.access

default decision := true
