package concordat.meanings_test

import data.concordat.dispatch
import data.concordat.meanings

test_every_meaning_has_a_message_and_a_way_out if {
	every code, meaning in meanings.cookbook {
		meaning.message != ""
		meaning.fix != ""
		dispatch.meaning(code) == meaning
	}
}
