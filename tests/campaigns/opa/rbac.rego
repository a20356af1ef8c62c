# May this user do this? Users have roles, roles have grants.
package rbac

default allow := false

allow if {
	some role in data.rbac_users[input.user]
	some grant in data.rbac_grants[role]
	grant.action == input.action
	grant.type == input.type
}
