package concordat.common
